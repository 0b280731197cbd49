//! The way from a command to a controller: over its unix socket, over the network where one is named, or, where none runs
//! with this machine's data, straight to its journal. All three end in the same `engine::act`.

use super::screen::Screen;
use super::{Exit, Global, Output, connect};
use crate::engine::act::{Act, Desk, Said};
use crate::engine::desired::Desired;
use crate::engine::keeper::Keeper;
use crate::engine::person::Who;
use crate::model::Estate;
use crate::ports::clock::Clock;
use crate::ports::config::Config;
use crate::ports::disk::Alone;
use crate::ports::git::Mirror;
use crate::ports::people::OsUser;
use crate::ports::socket;
use crate::server::{ACTS, SUDO, Told};
use anyhow::{Context, anyhow, bail};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// Longer than a controller takes for any answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A controller that runs, and how to ask it.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<SecretString>,
    /// What it is called in messages.
    place: String,
}

/// The journal of a controller that does not run, for this program alone.
pub struct Here {
    _alone: Alone,
    keeper: Keeper,
    mirror: Option<Mirror>,
    estate: Option<Arc<Estate>>,
    path: String,
    who: Who,
}

/// Finds the controller that is meant: the one that settings name, else the one that runs with this machine's data; none
/// where none does.
pub fn running(config: &Config) -> anyhow::Result<Option<Client>> {
    let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    let made = |http: reqwest::ClientBuilder| http.build().context("no HTTP client could be made");
    if let Some(url) = &config.server.url {
        let Some(token) = &config.server.token else {
            bail!("no token is set for {url}\n  Set DRIFTLESS_SERVER_TOKEN, or server.token_file in driftless.toml.");
        };
        // Settings allow plain http to this machine only; no proxy may carry it elsewhere.
        let http = if url.starts_with("http://") { http.no_proxy() } else { http.https_only(true) };
        let (base, place) = (url.clone(), url.clone());
        return Ok(Some(Client { http: made(http)?, base, token: Some(token.read()?), place }));
    }
    if !socket::is_live(&config.socket) {
        return Ok(None);
    }
    let http = made(http.no_proxy().unix_socket(config.socket.clone()))?;
    let place = config.socket.display().to_string();
    Ok(Some(Client { http, base: "http://localhost".to_owned(), token: None, place }))
}

impl Client {
    /// Asks for data.
    pub async fn get<T: DeserializeOwned>(&self, what: &str) -> anyhow::Result<T> {
        self.send(self.http.get(format!("{}/api/v1/{what}", self.base))).await
    }

    /// Has it do something.
    pub async fn act(&self, act: &Act) -> anyhow::Result<Said> {
        let place = ACTS.iter().find(|(_, name)| *name == act.name()).map(|(place, _)| *place);
        let place = place.ok_or_else(|| anyhow!("the API has no place for {}: a mistake in driftless", act.name()))?;
        let mut body = serde_json::to_value(act)?;
        // The address says it.
        body.as_object_mut().and_then(|fields| fields.remove("act"));
        self.send(self.http.post(format!("{}/api/v1/{place}", self.base)).json(&body)).await
    }

    async fn send<T: DeserializeOwned>(&self, mut request: reqwest::RequestBuilder) -> anyhow::Result<T> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        } else if let Some(name) = sudo() {
            request = request.header(SUDO, name);
        }
        let answer = request.send().await.map_err(reqwest::Error::without_url).with_context(|| {
            format!("the controller at {} could not be asked\n  See that it runs and that you may reach it (sudo, for a socket of another user).", self.place)
        })?;
        let status = answer.status();
        let body = answer.bytes().await.with_context(|| format!("the answer of {} ended early", self.place))?;
        if status.is_success() {
            let what =
                || format!("{} answered what this program does not understand: are both of one version?", self.place);
            return serde_json::from_slice(&body).with_context(what);
        }
        match serde_json::from_slice::<Told>(&body) {
            Ok(told) => bail!("{}\n  {}", told.error, told.hint),
            Err(_) => bail!(
                "{} answered {status}, and not as a controller does\n  See that the address is right.",
                self.place
            ),
        }
    }
}

impl Here {
    /// Takes this machine's journal for itself; refused where there is none, or where another works with it.
    async fn open(config: &Config, act: &Act) -> anyhow::Result<Self> {
        if !config.journal().exists() {
            bail!(
                "there is no journal at {}, and no controller answers at {}\n  Do it on the controller's machine with the same --data-dir, or set DRIFTLESS_SERVER.",
                config.journal().display(),
                config.socket.display()
            );
        }
        let own = OsUser::this();
        let who = Who::on_machine(&own, own.uid, sudo().as_deref(), &config.access)
            .map_err(|refusal| anyhow!("{}\n  {}", refusal.what, refusal.hint))?;
        let alone = connect::alone(config, act.name()).await?;
        let keeper = connect::journal(config).await?;
        let mirror = match config.repo {
            Some(_) => Some(connect::mirror(config)?),
            None => None,
        };
        let mut desired = Desired::default();
        if let Some(mirror) = &mirror {
            desired.recall(mirror, &config.path).await?;
        }
        Ok(Self { _alone: alone, keeper, mirror, estate: desired.estate, path: config.path.clone(), who })
    }

    async fn act(&self, act: &Act) -> anyhow::Result<Said> {
        let desk = Desk {
            keeper: &self.keeper,
            estate: self.estate.as_deref(),
            mirror: self.mirror.as_ref(),
            path: &self.path,
            now: Clock::System.now(),
        };
        desk.act(&self.who, act).await.map_err(|refusal| anyhow!("{}\n  {}", refusal.what, refusal.hint))
    }
}

/// Does one thing, wherever the controller is, and says what was done and what follows.
pub async fn act(act: &Act, after: &str, global: &Global, screen: &Screen) -> anyhow::Result<Exit> {
    let config = connect::settings(global, screen)?;
    let (said, follows) = match running(&config)? {
        Some(client) => (client.act(act).await?, "The controller goes on with it now."),
        None => (
            Here::open(&config, act).await?.act(act).await?,
            "No controller runs with this data: the next `driftless run` or `apply` heeds it.",
        ),
    };
    if screen.output == Output::Json {
        screen.json(&said);
    } else {
        said.said.iter().for_each(|line| screen.print(&crate::render::safe::lines(line)));
    }
    screen.note(format!("{follows} {after}").trim_end());
    Ok(Exit::Well)
}

/// Who called sudo, where root was become by it.
fn sudo() -> Option<String> {
    std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty())
}
