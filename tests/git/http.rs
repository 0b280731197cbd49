//! Fetching and pushing over http with a token, served by git's own http-backend.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use driftless::ports::git::{Auth, GitError, Mirror, Moved, Pushed, Remote, Token};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Room, ana, options, paths, put};

const WRITER: &str = "s3cret-token";
const READER: &str = "read-only-token";
/// `x-access-token:` and the tokens above, as a browser would send them.
const WRITER_HEADER: &str = "Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0LXRva2Vu";
const READER_HEADER: &str = "Basic eC1hY2Nlc3MtdG9rZW46cmVhZC1vbmx5LXRva2Vu";

/// What a server does and has seen.
struct Server {
    root: String,
    /// Answers everything so, instead of serving.
    answer: Mutex<Option<(StatusCode, HeaderMap)>>,
    requests: Mutex<Vec<HeaderMap>>,
    token_in_arguments: AtomicBool,
}

impl Server {
    async fn start(root: String) -> (Arc<Self>, String) {
        let server = Arc::new(Self {
            root,
            answer: Mutex::new(None),
            requests: Mutex::new(Vec::new()),
            token_in_arguments: AtomicBool::new(false),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new().fallback(serve).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, format!("http://{address}"))
    }

    fn answer_with(&self, status: StatusCode) {
        *self.answer.lock().expect("no panic") = Some((status, HeaderMap::new()));
    }

    fn redirect_to(&self, address: &str) {
        let to = (header::LOCATION, address.parse().expect("a header"));
        let answer = (StatusCode::FOUND, HeaderMap::from_iter([to]));
        *self.answer.lock().expect("no panic") = Some(answer);
    }

    /// Looks at every process of this machine for a token among its arguments.
    fn look_at_arguments(&self) {
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(WRITER) {
                self.token_in_arguments.store(true, Ordering::Relaxed);
            }
        }
    }
}

async fn serve(State(server): State<Arc<Server>>, request: Request) -> Response {
    server.look_at_arguments();
    server.requests.lock().expect("no panic").push(request.headers().clone());
    if let Some((status, headers)) = server.answer.lock().expect("no panic").clone() {
        return (status, headers, "<html>a page</html>").into_response();
    }
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let writes = request.uri().to_string().contains("git-receive-pack");
    match given {
        WRITER_HEADER => cgi(&server.root, request).await,
        READER_HEADER if writes => StatusCode::FORBIDDEN.into_response(),
        READER_HEADER => cgi(&server.root, request).await,
        _ => {
            let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
            (StatusCode::UNAUTHORIZED, ask).into_response()
        }
    }
}

/// Runs `git http-backend` for one request.
async fn cgi(root: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let of = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REMOTE_USER", "ana")
        .env("PATH_INFO", parts.uri.path().replace("%20", " "))
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", of("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", of("content-encoding"))
        .env("GIT_PROTOCOL", of("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git http-backend");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feed = tokio::spawn(async move { stdin.write_all(&body).await });
    let output = child.wait_with_output().await.expect("an end");
    feed.await.expect("no panic").expect("all was taken");
    from_cgi(&output.stdout)
}

fn from_cgi(output: &[u8]) -> Response {
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").expect("headers");
    let (head, body) = output.split_at(end + 4);
    let mut answer = Response::builder();
    for line in String::from_utf8_lossy(head).lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a header");
        answer = match name {
            "Status" => answer.status(&value[..3]),
            _ => answer.header(name, value),
        };
    }
    answer.body(Body::from(Bytes::copy_from_slice(body))).expect("an answer")
}

fn remote(origin: &str, token: Token) -> Remote {
    Remote {
        url: format!("{origin}/infra%20repo/.git"),
        branch: "main".into(),
        auth: Auth::Token { username: "x-access-token".into(), token },
    }
}

async fn served() -> (Room, Arc<Server>, String) {
    let room = Room::new().await;
    room.git(&["config", "http.receivepack", "true"]);
    let (server, origin) = Server::start(room.dir.path().display().to_string()).await;
    (room, server, origin)
}

fn open(room: &Room, remote: &Remote) -> Mirror {
    Mirror::open(&room.mirror_dir(), remote, options()).expect("a mirror")
}

async fn report(mirror: &Mirror) -> Result<Option<Pushed>, GitError> {
    let files = BTreeMap::from([("STATUS.md".to_owned(), Some(b"well\n".to_vec()))]);
    put(mirror, "driftless/reports", &files, &ana()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_fetches_and_pushes_and_is_in_no_argument_and_not_on_disk() {
    let (room, server, origin) = served().await;
    let mirror = open(&room, &remote(&origin, Token::Fixed(WRITER.into())));
    let head = mirror.fetch().await.expect("fetched");
    assert_eq!(head.moved, Moved::First);
    assert_eq!(paths(&mirror, &head.commit, "").len(), 2);
    let second = room.commit("README.md", "more\n").await;
    assert_eq!(mirror.fetch().await.expect("fetched").commit, second);
    assert!(matches!(report(&mirror).await.expect("pushed"), Some(Pushed::Commit(_))));
    assert_eq!(room.git(&["show", "driftless/reports:STATUS.md"]), "well");
    assert!(!server.token_in_arguments.load(Ordering::Relaxed), "the token was in an argument");
    let config = std::fs::read_to_string(room.mirror_dir().join("config")).expect("read");
    assert!(!config.contains(WRITER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_without_being_shown_and_a_new_one_in_its_file_is_used() {
    let (room, _server, origin) = served().await;
    let file = room.dir.path().join("token");
    std::fs::write(&file, "old-and-wrong\n").expect("written");
    let mirror = open(&room, &remote(&origin, Token::File(file.clone())));
    let error = mirror.fetch().await.expect_err("refused");
    assert!(matches!(error, GitError::AuthRefused(_)), "{error}");
    let all = format!("{error} {error:?} {mirror:?}");
    assert!(!all.contains("old-and-wrong"), "{all}");
    assert!(error.hint().contains("token"), "{error}");

    std::fs::write(&file, format!("{WRITER}\n")).expect("written");
    mirror.fetch().await.expect("the new token is used");
    std::fs::remove_file(&file).expect("removed");
    let error = mirror.fetch().await.expect_err("no token");
    assert!(matches!(error, GitError::BadCredential { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_only_read_is_told_so_when_it_pushes() {
    let (room, _server, origin) = served().await;
    let mirror = open(&room, &remote(&origin, Token::Fixed(READER.into())));
    mirror.fetch().await.expect("fetched");
    let error = report(&mirror).await.expect_err("read only");
    assert!(matches!(error, GitError::PushRefused(_)), "{error}");
    assert!(error.to_string().contains("contents: write"), "{error}");
    assert!(!error.to_string().contains(READER), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_where_one_is_needed_asks_nobody_and_fails() {
    let (room, _server, origin) = served().await;
    let remote = Remote { auth: Auth::None, ..remote(&origin, Token::Fixed(WRITER.into())) };
    let error = open(&room, &remote).fetch().await.expect_err("refused");
    assert!(matches!(error, GitError::AuthRefused(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_answers_instead_of_a_repository_has_a_name_each() {
    let (room, server, origin) = served().await;
    let mirror = open(&room, &remote(&origin, Token::Fixed(WRITER.into())));
    server.answer_with(StatusCode::NOT_FOUND);
    let error = mirror.fetch().await.expect_err("not found");
    assert!(matches!(error, GitError::NotARepository(_)), "{error}");
    server.answer_with(StatusCode::SERVICE_UNAVAILABLE);
    let error = mirror.fetch().await.expect_err("away");
    assert!(matches!(error, GitError::Unreachable(_)), "{error}");
    server.answer_with(StatusCode::OK);
    let error = mirror.fetch().await.expect_err("a page, not a repository");
    assert!(matches!(error, GitError::NotARepository(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_another_host_does_not_take_the_token_along() {
    let (room, server, origin) = served().await;
    let (other, elsewhere) = Server::start(server.root.clone()).await;
    let to = format!("{elsewhere}/infra%20repo/.git/info/refs?service=git-upload-pack");
    server.redirect_to(&to);
    let mirror = open(&room, &remote(&origin, Token::Fixed(WRITER.into())));
    let error = mirror.fetch().await.expect_err("it has no token there");
    assert!(matches!(error, GitError::AuthRefused(_)), "{error}");
    let requests = other.requests.lock().expect("no panic");
    assert!(!requests.is_empty(), "the redirect was followed");
    let sent = requests.iter().any(|headers| headers.contains_key(header::AUTHORIZATION));
    assert!(!sent, "the token was sent to the other host");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_over_http_is_told_from_a_page_in_its_place() {
    let (room, _server, origin) = served().await;
    super::git(room.dir.path(), &["init", "--quiet", "--bare", "empty.git"]);
    let url = format!("{origin}/empty.git");
    let remote = Remote { url, ..remote(&origin, Token::Fixed(WRITER.into())) };
    let mirror = open(&room, &remote);
    let error = mirror.fetch().await.expect_err("empty");
    assert!(matches!(error, GitError::EmptyRepository(_)), "{error}");
}
