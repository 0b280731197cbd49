//! One request from its token to its answer, under the one lock: faults, token, limits, work, log.
//! Does no input or output; `server.rs` does what an `Outcome` says.

use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::http::Method;
use serde_json::Value;
use uuid::Uuid;

use super::call::{Answer, Call, Problem, Reply};
use super::calls::{Calls, Mutation};
use super::clock::Clock;
use super::faults::{Faults, Refusal, Stale, Verdict};
use super::limits::{Ledger, Limits, Standing};
use super::routes;
use super::state::World;
use super::tokens::Token;

const HISTORY: usize = 64;

/// Everything behind the lock.
pub(super) struct Core {
    pub(super) worlds: BTreeMap<String, World>,
    pub(super) tokens: Vec<Token>,
    pub(super) clock: Clock,
    pub(super) action_ms: u64,
    pub(super) limits: Limits,
    pub(super) ledger: Ledger,
    pub(super) faults: Faults,
    pub(super) calls: Calls,
    pub(super) history: VecDeque<Past>,
    pub(super) born: HashMap<String, u64>,
    /// Grows with every change, so that the state file can tell whether it is behind.
    pub(super) version: u64,
}

/// A world as it was until a change.
pub(super) struct Past {
    until: u64,
    team: String,
    world: World,
}

/// A request as it came in.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) token: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) base: String,
}

/// What is to be sent back.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    pub(super) request_id: String,
    pub(super) standing: Option<Standing>,
    /// Sends a page of HTML with 502 instead of the answer.
    pub(super) bad_gateway: bool,
    /// The version that has to be in the state file before the answer goes out.
    pub(super) version: u64,
}

impl Core {
    /// Counts the request and decides what the faults do to it.
    pub(super) fn judge(&mut self, request: &Request) -> Verdict {
        self.calls.note(request.method.as_str(), &request.path);
        self.clock.tick();
        let (verdict, struck) = self.faults.judge(request);
        if !struck.is_empty() {
            self.calls.strike(format!("{} {}: {}", request.method, request.path, struck.join("; ")));
        }
        if verdict.close || verdict.hang {
            self.log(request, 0, String::new(), true);
        }
        verdict
    }

    /// Does the work and says what is to be sent back.
    pub(super) fn perform(&mut self, request: &Request, verdict: &Verdict) -> Outcome {
        let now = self.clock.now();
        let request_id = Uuid::new_v4().to_string();
        let mut standing = None;
        let answer = match verdict.refusal {
            Some(Refusal::TooMany { retry_after }) => {
                let secret = request.token.as_deref().unwrap_or_default();
                standing = self.ledger.standing(&self.limits, secret, now);
                Err(Problem::too_many(retry_after))
            }
            Some(Refusal::ServerError | Refusal::BadGateway) => {
                Err(Problem::new(500, "server_error", "Unexpected server-side error"))
            }
            None => self.admitted(request, verdict, now, &mut standing),
        };
        let bad_gateway = verdict.refusal == Some(Refusal::BadGateway);
        let status = match &answer {
            _ if bad_gateway => 502,
            Ok(reply) => reply.status.as_u16(),
            Err(problem) => problem.status.as_u16(),
        };
        let lost = verdict.lose_reply || verdict.mute || verdict.garbled;
        self.log(request, status, request_id.clone(), lost);
        Outcome { answer, request_id, standing, bad_gateway, version: self.version }
    }

    fn admitted(&mut self, request: &Request, verdict: &Verdict, now: u64, standing: &mut Option<Standing>) -> Answer {
        let secret = request.token.as_deref().unwrap_or_default();
        let token = self.tokens.iter().find(|token| token.is(secret)).cloned().ok_or_else(Problem::unauthorized)?;
        let segments: Vec<String> = request.path.split('/').skip(2).map(decoded).collect();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let lists_keys = request.method == Method::GET && path == ["account", "keys"];
        let (admitted, stands) = self.ledger.admit(&self.limits, secret, lists_keys, now);
        *standing = stands;
        admitted?;
        token.authorize(request.method.as_str(), &path)?;
        let call = Call {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            body: &request.body,
            base: &request.base,
            now,
            action_ms: self.action_ms,
            team: token.team(),
            errored: verdict.errored,
            shift: verdict.shift,
            total_off: verdict.total_off,
        };
        if request.method == Method::GET {
            return self.read(&call, verdict, &path);
        }
        self.write(&call, &path)
    }

    fn read(&mut self, call: &Call<'_>, verdict: &Verdict, path: &[&str]) -> Answer {
        if let (Some(ms), Some(born)) = (verdict.hidden, self.born.get(call.path))
            && call.now < born.saturating_add(ms)
        {
            return Err(Problem::not_found());
        }
        let mut past = verdict.stale.and_then(|stale| self.past(call.team, stale, call.now));
        let world = match &mut past {
            Some(world) => world,
            None => {
                let world = self.worlds.entry(call.team.to_owned()).or_default();
                world.settle(call.now);
                world
            }
        };
        routes::answer(world, call, path)
    }

    fn write(&mut self, call: &Call<'_>, path: &[&str]) -> Answer {
        let world = self.worlds.entry(call.team.to_owned()).or_default();
        world.settle(call.now);
        if self.faults.want_history() {
            if self.history.len() >= HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(Past { until: call.now, team: call.team.to_owned(), world: world.clone() });
        }
        let reply: Reply = routes::answer(world, call, path)?;
        self.version += 1;
        if self.faults.want_births() {
            for path in &reply.created {
                self.born.insert(path.clone(), call.now);
            }
        }
        Ok(reply)
    }

    /// Returns the world as it was; `None` where it has not changed since.
    fn past(&self, team: &str, stale: Stale, now: u64) -> Option<World> {
        let mut own = self.history.iter().filter(|past| past.team == team);
        match stale {
            Stale::Changes(count) => own.rev().nth(count.checked_sub(1)?),
            Stale::Millis(ms) => own.find(|past| past.until > now.saturating_sub(ms)),
        }
        .map(|past| past.world.clone())
    }

    fn log(&mut self, request: &Request, status: u16, request_id: String, lost: bool) {
        if request.method == Method::GET {
            return;
        }
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query).finish();
        let path = match query.is_empty() {
            true => request.path.clone(),
            false => format!("{}?{query}", request.path),
        };
        let body = match request.body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&request.body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&request.body).into_owned())),
        };
        self.calls.log(Mutation {
            at: self.clock.now(),
            method: request.method.to_string(),
            path,
            body,
            status,
            request_id,
            lost,
        });
    }
}

/// Decodes a path segment; plus signs stay.
fn decoded(segment: &str) -> String {
    let plain = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(plain.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}
