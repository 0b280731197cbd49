//! The control endpoint under `/sandbox`, outside of the simulated API and without a token: faults, calls, clock, world.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::core::Request;
use super::faults::Fault;
use super::hosts::HostFault;
use super::server::Shared;

/// Answers one control request with a status and a JSON body.
pub(super) async fn answer(shared: &Shared, request: &Request) -> (StatusCode, Vec<u8>) {
    let result = match request.path.strip_prefix("/sandbox/hosts") {
        Some(name) => on_host(shared, request, name.trim_start_matches('/')).await,
        None => act(shared, request),
    };
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err((status, why)) => (status, json!({"message": why})),
    };
    if let Some(store) = &shared.store {
        let version = shared.lock().version;
        if let Err(why) = store.saved(version).await {
            return (StatusCode::INTERNAL_SERVER_ERROR, why.into_bytes());
        }
    }
    (status, body.to_string().into_bytes())
}

/// Hosts: what there are, and a hand on one of them.
async fn on_host(shared: &Shared, request: &Request, name: &str) -> Result<Value, (StatusCode, String)> {
    let none = || (StatusCode::NOT_FOUND, "this sandbox has no hosts: start it with --hosts simulated".to_owned());
    let hosts = shared.hosts.as_ref().ok_or_else(none)?;
    match (request.method.as_str(), name) {
        ("GET", "") => Ok(json!({"map": hosts.map(), "network": hosts.network(), "hosts": hosts.all()})),
        ("POST", name) if !name.is_empty() => {
            let script = String::from_utf8_lossy(&request.body);
            let said = hosts.run(name, &script).await.map_err(|why| (StatusCode::NOT_FOUND, why))?;
            Ok(json!({"code": said.code, "out": said.text(), "err": said.errors()}))
        }
        (method, name) => {
            let there =
                "there are GET /sandbox/hosts and POST /sandbox/hosts/NAME (a script, which is run there as root)";
            Err((StatusCode::NOT_FOUND, format!("{method} /sandbox/hosts/{name} is not there; {there}")))
        }
    }
}

fn act(shared: &Shared, request: &Request) -> Result<Value, (StatusCode, String)> {
    let refuse = |why: String| (StatusCode::UNPROCESSABLE_ENTITY, why);
    let text = String::from_utf8_lossy(&request.body);
    let mut core = shared.lock();
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/sandbox/faults") => {
            let all: Vec<Value> = core
                .faults
                .active
                .iter()
                .map(|active| {
                    json!({
                        "id": active.id,
                        "fault": active.fault.to_string(),
                        "matched": active.matched,
                        "fired": active.fired,
                    })
                })
                .collect();
            let of_hosts = shared.hosts.as_ref().map(|hosts| hosts.faults()).unwrap_or_default();
            let of_hosts = of_hosts.into_iter().map(
                |(id, fault, matched, fired)| json!({"id": id, "fault": fault, "matched": matched, "fired": fired}),
            );
            Ok(json!({"faults": all.into_iter().chain(of_hosts).collect::<Vec<_>>()}))
        }
        ("POST", "/sandbox/faults") => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let (of_hosts, others): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.trim().starts_with("host "));
            let of_hosts = of_hosts.into_iter().map(str::parse::<HostFault>).collect::<Result<Vec<_>, _>>();
            let of_hosts = of_hosts.map_err(|err| refuse(err.to_string()))?;
            let others = others.into_iter().map(str::parse::<Fault>).collect::<Result<Vec<_>, _>>();
            let others = others.map_err(|err| refuse(err.to_string()))?;
            let mut ids: Vec<u64> = others.into_iter().map(|fault| core.faults.add(fault)).collect();
            for fault in of_hosts {
                let hosts = shared.hosts.as_ref().ok_or_else(|| refuse("this sandbox has no hosts".to_owned()))?;
                let id = core.faults.next_id();
                if !hosts.inject(fault, id) {
                    return Err(refuse("hosts that are containers have no faults on demand: break them by hand, with POST /sandbox/hosts/NAME".to_owned()));
                }
                ids.push(id);
            }
            Ok(json!({"ids": ids}))
        }
        ("DELETE", "/sandbox/faults") => {
            core.faults.active.clear();
            if let Some(hosts) = &shared.hosts {
                hosts.lift(None);
            }
            Ok(json!({}))
        }
        ("GET", "/sandbox/calls") => Ok(json!(core.calls)),
        ("DELETE", "/sandbox/calls") => {
            core.calls = Default::default();
            Ok(json!({}))
        }
        ("GET", "/sandbox/world") => Ok(json!(core.worlds)),
        ("PUT", "/sandbox/world") => {
            core.worlds = serde_json::from_slice(&request.body).map_err(|err| refuse(err.to_string()))?;
            core.version += 1;
            Ok(json!({}))
        }
        ("POST", "/sandbox/clock") => {
            let ms: u64 = text.trim().parse().map_err(|_| refuse("the body must be milliseconds".to_owned()))?;
            core.clock.advance(std::time::Duration::from_millis(ms));
            Ok(json!({"now": core.clock.now()}))
        }
        (method, path) => Err((
            StatusCode::NOT_FOUND,
            format!(
                "{method} {path} is not there; there are GET, POST (one fault a line) and DELETE /sandbox/faults, \
                 GET and DELETE /sandbox/calls, GET /sandbox/hosts, POST /sandbox/hosts/NAME (a script), GET and PUT /sandbox/world, POST /sandbox/clock (milliseconds)"
            ),
        )),
    }
}
