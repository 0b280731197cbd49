//! Reads the sites of each host from its survey. Concludes nothing; asks the host nothing of its own.

use super::super::operate::{Look, Seen, Sightings, Surveyed};
use super::directive::{Directive, parse};
use super::names;
use super::want::{AVAILABLE, ENABLED, Want};
use super::world::{Around, Held, Live, State, version};
use super::{NginxSite, provider_id};
use crate::model::{Kind, Scope};
use crate::ports::host::survey::{Ask, Entry, Item, Survey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where whole server blocks stand besides sites-enabled.
const CONF_D: &str = "/etc/nginx/conf.d";
/// Where changes that are under way have their files.
const STAGES: &str = "/etc/nginx/.driftless.";
/// The names of files that nginx has not read (site.sh).
const UNREAD: &str = "/etc/nginx/.driftless-unread";

/// Every host that documents or Memory speak of, each a scope of its own; with `whole`, every host.
pub(super) fn all(look: &Look<'_>) -> Sightings<State> {
    let one = |host: String| {
        let found = match look.surveys.get(&host) {
            Surveyed::Nothing => Ok(Vec::new()),
            Surveyed::Unknown(why) => Err(why),
            Surveyed::Seen(survey) => Ok(sites(&host, &survey)),
        };
        let seen = |state: State| Seen { provider_id: provider_id(&state.host, &state.file), state, changing: false };
        (Scope::within(NginxSite::NAME, &host), found.map(|all| all.into_iter().map(seen).collect()))
    };
    look.hosts::<NginxSite>().into_iter().map(one).collect()
}

/// The files that sites are to be served with, where somebody else keeps them.
pub(super) fn asks(look: &Look<'_>) -> Vec<(String, Ask)> {
    let one =
        |want: &Want| want.kept_by_others().map(|path| (want.host.name.clone(), Ask::Present(path.clone()))).collect();
    look.wants::<NginxSite>().flat_map(|(_, want)| -> Vec<(String, Ask)> { one(want) }).collect()
}

/// All sites of a host: each file under sites-available, and each under sites-enabled that is no link.
pub fn sites(host: &str, survey: &Survey) -> Vec<State> {
    let tree = Tree { entries: &survey.nginx_tree };
    let around = Arc::new(around(&tree, survey));
    let copied: BTreeMap<&str, &Entry> =
        tree.folder(ENABLED).filter(|(_, e)| matches!(e.item, Item::File(_))).collect();
    let mut files: BTreeMap<&str, &Entry> =
        tree.folder(AVAILABLE).filter_map(|(name, _)| tree.file(AVAILABLE, name)).collect();
    files.extend(copied.iter().map(|(name, entry)| (*name, *entry)));
    // A link that leads to no file any more serves nothing, and keeps nginx from reading anything anew.
    let own = |name: &str| format!("{AVAILABLE}/{name}");
    let leads = |name: &str, entry: &Entry| matches!(&entry.item, Item::Link(to) if target(&format!("{ENABLED}/{name}"), to) == own(name));
    let loose = tree.folder(ENABLED).filter(|(name, entry)| leads(name, entry) && !files.contains_key(name));
    let loose: Vec<State> = loose.map(|(name, _)| State::read(host, name, b"", Live::Linked, around.clone())).collect();
    let bytes = |entry: &'_ Entry| if let Item::File(bytes) = &entry.item { bytes.clone() } else { Vec::new() };
    let site = |(file, entry)| State::read(host, file, &bytes(entry), tree.live(file), around.clone());
    files.into_iter().map(site).chain(loose).collect()
}

/// It has no master where its own are noted, and of everything that listens it is known that it is something else.
fn stopped(survey: &Survey) -> bool {
    let mut tcp = survey.listening.iter().filter(|one| one.protocol == "tcp").peekable();
    let seen = tcp.peek().is_some() && tcp.all(|one| one.program.as_deref().is_some_and(|name| name != "nginx"));
    survey.nginx.is_some() && survey.nginx_master.is_none() && seen
}

fn around(tree: &Tree<'_>, survey: &Survey) -> Around {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let served = tree.served();
    for (file, directives) in &served {
        for name in names::served(directives) {
            names.entry(name).or_default().insert(file.clone());
        }
    }
    let held = |path: &String, found: &crate::ports::host::survey::Certificate| {
        let held = Held { names: found.names.clone(), from: found.from, until: found.until };
        (path.clone(), held)
    };
    let certificates = survey.certificates.iter();
    let certificates = certificates.filter_map(|(path, found)| Some(held(path, found.as_ref().ok()?))).collect();
    let unread =
        tree.entries.get(UNREAD).and_then(Entry::text).unwrap_or_default().lines().map(str::to_owned).collect();
    Around {
        uses: tree.uses(&survey.ours),
        ours: survey.ours.clone(),
        missing: survey.missing.clone(),
        unread,
        nginx: survey.nginx.as_deref().and_then(version),
        names,
        certificates,
        stopped: stopped(survey),
    }
}

/// A host's files below /etc/nginx.
struct Tree<'a> {
    entries: &'a BTreeMap<String, Entry>,
}

impl<'a> Tree<'a> {
    /// What lies right in a folder, by name. Names that begin with a dot are no sites.
    fn folder(&self, folder: &str) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        let prefix = format!("{folder}/");
        let own = move |(path, entry): (&'a String, &'a Entry)| {
            let name = path.strip_prefix(&prefix)?;
            (!name.contains('/') && !name.starts_with('.')).then_some((name, entry))
        };
        self.entries.iter().filter_map(own)
    }

    /// Which files name these certificates, whether they are served or not.
    fn uses(&self, certificates: &BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
        let named = |name: &String| {
            let path = format!("/live/{name}/");
            let names = |(file, entry): (&String, &Entry)| {
                let text = entry.text().filter(|_| !file.starts_with(STAGES))?;
                text.contains(&path).then(|| file.clone())
            };
            (name.clone(), self.entries.iter().filter_map(names).collect())
        };
        certificates.iter().map(named).collect()
    }

    /// The file of a name in a folder, through links.
    fn file(&self, folder: &str, name: &'a str) -> Option<(&'a str, &'a Entry)> {
        let mut path = format!("{folder}/{name}");
        for _ in 0..8 {
            let entry = self.entries.get(&path)?;
            match &entry.item {
                Item::File(_) => return Some((name, entry)),
                Item::Link(to) => path = target(&path, to),
                Item::Folder => return None,
            }
        }
        None
    }

    /// Whether and how a file of sites-available is served.
    fn live(&self, file: &str) -> Live {
        let own = format!("{AVAILABLE}/{file}");
        let link = format!("{ENABLED}/{file}");
        match self.entries.get(&link).map(|entry| &entry.item) {
            Some(Item::File(_)) => return Live::Copied,
            Some(Item::Link(to)) if target(&link, to) == own => return Live::Linked,
            Some(Item::Link(to)) => return Live::Elsewhere(to.clone()),
            Some(Item::Folder) | None => {}
        }
        let leads = |(name, entry): &(&str, &Entry)| match &entry.item {
            Item::Link(to) => target(&format!("{ENABLED}/{name}"), to) == own,
            _ => false,
        };
        self.folder(ENABLED).find(leads).map_or(Live::Not, |(name, _)| Live::Under(name.to_owned()))
    }

    /// What is served, by the names of the files. One that cannot be read serves nothing that is known.
    fn served(&self) -> Vec<(String, Vec<Directive>)> {
        let read = |name: String, entry: &Entry| Some((name, parse(entry.text()?).ok()?.directives));
        let enabled = self.folder(ENABLED).filter_map(|(name, entry)| {
            let (_, file) = self.file(ENABLED, name)?;
            let to = match &entry.item {
                Item::Link(to) => target(&format!("{ENABLED}/{name}"), to),
                _ => String::new(),
            };
            let own = to.strip_prefix(AVAILABLE).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
            read(own.to_owned(), file)
        });
        let conf_d = self.folder(CONF_D).filter(|(name, _)| name.ends_with(".conf")).filter_map(|(name, _)| {
            let (_, file) = self.file(CONF_D, name)?;
            read(format!("conf.d/{name}"), file)
        });
        let main = self.entries.get("/etc/nginx/nginx.conf");
        let main = main.and_then(|entry| read("nginx.conf".to_owned(), entry));
        enabled.chain(conf_d).chain(main).collect()
    }
}

/// Where a link leads, from where it stands.
fn target(link: &str, to: &str) -> String {
    let from = if to.starts_with('/') { "" } else { link.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(to.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
