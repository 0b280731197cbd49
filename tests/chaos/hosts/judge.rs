//! Holds the machines against the promises, without asking the planner: what is others' is as it was, volumes stay, what
//! nobody touched was not started anew, and in the end everything runs and answers as git says.

use super::schedule::Estate;
use crate::house::House;
use std::collections::BTreeSet;

/// What others have on a machine: a site, a project with a container, and a file beside ours.
const PLANT: &str = "mkdir -p /opt/hand /etc/nginx/sites-enabled
printf 'services:\\n  own:\\n    image: hand:1\\n    volumes: [stuff:/x]\\nvolumes: {stuff: {}}\\n' >/opt/hand/compose.yaml
printf 'theirs' >/opt/hand/note
printf 'server { listen 8088; server_name hand.example.org; location / { return 204; } }\\n' >/etc/nginx/sites-available/hand
ln -s ../sites-available/hand /etc/nginx/sites-enabled/hand
cd /opt/hand && docker compose up -d && nginx -s reload";
const THEIRS: &str = "cat /opt/hand/note; sha256sum /opt/hand/compose.yaml /etc/nginx/sites-available/hand; readlink /etc/nginx/sites-enabled/hand; docker ps -a --no-trunc --filter name=hand --format '{{.ID}} {{.Image}} {{.State}}'";
const CALM: &str =
    "docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' $(docker ps -aq --no-trunc --filter name=calm)";

/// What is remembered of the machines.
pub struct Judge {
    theirs: Vec<String>,
    calm: Vec<String>,
    volumes: [BTreeSet<String>; 2],
}

/// What a script says on a machine.
pub async fn say(house: &House, host: usize, script: &str) -> String {
    let said = house.hand().on_host(&format!("h{host}"), script).await.expect("there is such a host");
    format!("{}{}", said.text(), said.errors())
}

async fn both(house: &House, script: &str) -> Vec<String> {
    vec![say(house, 0, script).await, say(house, 1, script).await]
}

async fn volumes(house: &House, host: usize) -> BTreeSet<String> {
    say(house, host, "docker volume ls -q").await.lines().map(str::to_owned).collect()
}

impl Judge {
    pub async fn begin(house: &House) -> Self {
        both(house, PLANT).await;
        let (theirs, calm) = (both(house, THEIRS).await, both(house, CALM).await);
        assert!(theirs.iter().all(|said| said.contains("hand:1 running")), "{theirs:?}");
        assert!(calm.iter().all(|said| said.lines().count() == 1), "{calm:?}");
        let volumes = [volumes(house, 0).await, volumes(house, 1).await];
        Self { theirs, calm, volumes }
    }

    /// What has to be true after every cycle, whatever went wrong in it.
    pub async fn after(&mut self, house: &House) {
        // Docker may be what fails just now; whoever asks it then learns nothing.
        for host in 0..2 {
            let now = volumes(house, host).await;
            if now.iter().any(|name| name.contains(' ')) {
                continue;
            }
            let lost: Vec<&String> = self.volumes[host].difference(&now).collect();
            assert!(lost.is_empty() || now.is_empty(), "LOST: the volumes {lost:?} of h{host}");
            self.volumes[host].extend(now);
        }
    }

    /// In the end everything is as git says.
    pub async fn agrees(&self, house: &House, estate: &Estate) {
        assert_eq!(both(house, THEIRS).await, self.theirs, "UNOWNED TOUCHED: what others have");
        assert_eq!(both(house, CALM).await, self.calm, "STARTED ANEW: what nobody touched");
        for host in 0..2 {
            let now = volumes(house, host).await;
            let lost: Vec<&String> = self.volumes[host].difference(&now).collect();
            assert!(lost.is_empty(), "LOST: the volumes {lost:?} of h{host}");
            let mut wanted =
                vec!["hand-own-1 hand:1 running".to_owned(), format!("calm{host}-still-1 still:1 running")];
            for (n, stack) in estate.stacks.iter().enumerate() {
                let Some(stack) = stack.as_ref().filter(|stack| stack.host == host) else { continue };
                wanted.push(format!("s{n}-web-1 app:{} running", stack.tag));
                wanted.extend(stack.store.then(|| format!("s{n}-db-1 store:1 running")));
                let files = say(house, host, &format!("cat /opt/stacks/s{n}/app.conf /opt/stacks/s{n}/.env")).await;
                let (conf, level) = (format!("level {}\n", stack.file), format!("{}", stack.env));
                assert!(
                    files.starts_with(&conf) && files.contains(&level),
                    "NOT CONVERGED: the files of s{n}: {files}"
                );
                let Some(site) = &stack.site else { continue };
                let scheme = if site.tls { "https" } else { "http" };
                let answer = say(house, host, &format!("curl -sS {scheme}://w{n}.example.com/")).await;
                let expected = format!("web of s{n}, image app:{}\n", stack.tag);
                assert_eq!(answer, expected, "NOT CONVERGED: what the site w{n} answers on h{host}");
            }
            wanted.sort();
            let running = say(house, host, "docker ps -a --format '{{.Names}} {{.Image}} {{.State}}' | sort").await;
            assert_eq!(running.lines().collect::<Vec<_>>(), wanted, "NOT CONVERGED: the containers of h{host}");
            let sites =
                say(house, host, "cd /etc/nginx/sites-enabled && for one in w*; do [ -e $one ] && echo $one; done")
                    .await;
            let served = |n: &usize| estate.stacks[*n].as_ref().is_some_and(|s| s.host == host && s.site.is_some());
            let expected: Vec<String> = (0..2).filter(served).map(|n| format!("w{n}.example.com.conf")).collect();
            assert_eq!(sites.lines().collect::<Vec<_>>(), expected, "NOT CONVERGED: the sites of h{host}");
        }
    }
}
