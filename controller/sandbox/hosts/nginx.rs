//! nginx's configuration, as far as `nginx -t` finds fault with it and requests are answered by it. Reads the tree that is
//! included through a machine's disk; serves nothing by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bashkit::FileSystem;
use futures::future::BoxFuture;

/// nginx's own settings.
pub(super) const CONF: &str = "/etc/nginx/nginx.conf";
/// What `nginx -v` says.
pub(super) const VERSION: &str = "nginx/1.24.0";

/// The directives that are known, of nginx 1.24 as Debian and Ubuntu build it; `http2` comes with 1.25.1.
const KNOWN: &str = "absolute_redirect accept_mutex access_log add_header add_trailer aio alias allow auth_basic \
auth_basic_user_file auth_request auth_request_set autoindex break brotli charset chunked_transfer_encoding \
client_body_buffer_size client_body_temp_path client_body_timeout client_header_buffer_size client_header_timeout \
client_max_body_size connection_pool_size daemon default_type deny directio disable_symlinks env error_log error_page etag \
events expires fastcgi_buffer_size fastcgi_buffers fastcgi_cache fastcgi_index fastcgi_param fastcgi_pass \
fastcgi_read_timeout fastcgi_split_path_info geo geoip_country grpc_pass gzip gzip_buffers gzip_comp_level gzip_disable \
gzip_http_version gzip_min_length gzip_proxied gzip_static gzip_types gzip_vary hash http if if_modified_since \
ignore_invalid_headers include index internal ip_hash keepalive keepalive_requests keepalive_timeout \
large_client_header_buffers least_conn limit_conn limit_conn_log_level limit_conn_status limit_conn_zone limit_except \
limit_rate limit_rate_after limit_req limit_req_log_level limit_req_status limit_req_zone listen load_module location \
log_format log_not_found log_subrequest map map_hash_bucket_size map_hash_max_size merge_slashes msie_padding multi_accept \
open_file_cache open_file_cache_errors open_file_cache_min_uses open_file_cache_valid output_buffers pcre_jit pid \
port_in_redirect proxy_bind proxy_buffer_size proxy_buffering proxy_buffers proxy_busy_buffers_size proxy_cache \
proxy_cache_bypass proxy_cache_key proxy_cache_lock proxy_cache_path proxy_cache_use_stale proxy_cache_valid \
proxy_connect_timeout proxy_cookie_domain proxy_cookie_path proxy_headers_hash_bucket_size proxy_headers_hash_max_size \
proxy_hide_header proxy_http_version proxy_ignore_client_abort proxy_ignore_headers proxy_intercept_errors \
proxy_max_temp_file_size proxy_method proxy_next_upstream proxy_next_upstream_timeout proxy_next_upstream_tries \
proxy_no_cache proxy_pass proxy_pass_header proxy_pass_request_body proxy_pass_request_headers proxy_read_timeout \
proxy_redirect proxy_request_buffering proxy_send_timeout proxy_set_body proxy_set_header proxy_ssl_name \
proxy_ssl_protocols proxy_ssl_server_name proxy_ssl_trusted_certificate proxy_ssl_verify proxy_store \
proxy_temp_file_write_size random read_ahead real_ip_header real_ip_recursive recursive_error_pages referer_hash_max_size \
reset_timedout_connection resolver resolver_timeout return rewrite rewrite_log root satisfy sendfile sendfile_max_chunk \
send_timeout server server_name server_name_in_redirect server_names_hash_bucket_size server_names_hash_max_size \
server_tokens set set_real_ip_from slice split_clients ssl_buffer_size ssl_certificate ssl_certificate_key ssl_ciphers \
ssl_client_certificate ssl_conf_command ssl_dhparam ssl_early_data ssl_ecdh_curve ssl_prefer_server_ciphers ssl_protocols \
ssl_session_cache ssl_session_tickets ssl_session_timeout ssl_stapling ssl_stapling_verify ssl_trusted_certificate \
ssl_verify_client ssl_verify_depth stream stub_status sub_filter sub_filter_once tcp_nodelay tcp_nopush try_files types \
types_hash_bucket_size types_hash_max_size underscores_in_headers upstream use user userid uwsgi_param uwsgi_pass valid_referers \
variables_hash_bucket_size variables_hash_max_size worker_connections worker_cpu_affinity worker_priority worker_processes \
worker_rlimit_nofile worker_shutdown_timeout xclient zone";
/// Blocks whose lines are no directives.
const LISTS: [&str; 4] = ["map", "types", "geo", "split_clients"];

/// A directive with where it stands.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub(super) words: Vec<String>,
    pub(super) block: Option<Vec<Directive>>,
    file: String,
    line: usize,
}

impl Directive {
    fn name(&self) -> &str {
        self.words.first().map(String::as_str).unwrap_or_default()
    }

    fn args(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Directive> {
        self.block.iter().flatten().filter(move |inner| inner.name() == name)
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.block.iter().flatten().find(|inner| inner.name() == name)?.args().first().map(String::as_str)
    }

    /// An error of nginx about this place.
    fn wrong(&self, what: &str) -> String {
        format!("nginx: [emerg] {what} in {}:{}", self.file, self.line)
    }
}

/// One word or sign, with its line.
enum Token {
    Word(String),
    Open,
    Close,
    End,
}

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, (String, usize)> {
    let (mut all, mut line) = (Vec::new(), 1);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\n' => line += 1,
            sign if sign.is_whitespace() => {}
            '#' => {
                while signs.peek().is_some_and(|sign| *sign != '\n') {
                    signs.next();
                }
            }
            '{' => all.push((Token::Open, line)),
            '}' => all.push((Token::Close, line)),
            ';' => all.push((Token::End, line)),
            quote @ ('"' | '\'') => {
                let (mut word, began) = (String::new(), line);
                loop {
                    match signs.next() {
                        None => return Err(("unexpected end of file, expecting \";\" or \"}\"".to_owned(), began)),
                        Some('\\') => word.extend(signs.next()),
                        Some(sign) if sign == quote => break,
                        Some(sign) => {
                            line += usize::from(sign == '\n');
                            word.push(sign);
                        }
                    }
                }
                all.push((Token::Word(word), began));
            }
            first => {
                let mut word = String::from(first);
                if first == '\\' {
                    word.extend(signs.next());
                }
                // A brace after a dollar belongs to a variable.
                while let Some(&sign) = signs.peek() {
                    let variable = sign == '{' && word.ends_with('$');
                    let inside = sign == '}' && word.rsplit_once("${").is_some_and(|(_, rest)| !rest.contains('}'));
                    if sign.is_whitespace() || sign == ';' || (sign == '{' && !variable) || (sign == '}' && !inside) {
                        break;
                    }
                    word.push(sign);
                    signs.next();
                    if sign == '\\' {
                        word.extend(signs.next());
                    }
                }
                all.push((Token::Word(word), line));
            }
        }
    }
    Ok(all)
}

fn parse(file: &str, text: &str) -> Result<Vec<Directive>, String> {
    let at = |what: &str, line: usize| format!("nginx: [emerg] {what} in {file}:{line}");
    let tokens = tokens(text).map_err(|(what, line)| at(&what, line))?;
    let last = text.lines().count().max(1);
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let (mut done, mut words, mut began) = (Vec::new(), Vec::new(), 0);
    for (token, line) in tokens {
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    began = line;
                }
                words.push(word);
            }
            Token::End if words.is_empty() => return Err(at("unexpected \";\"", line)),
            Token::End => {
                let words = std::mem::take(&mut words);
                done.push(Directive { words, block: None, file: file.to_owned(), line: began });
            }
            Token::Open if words.is_empty() => return Err(at("unexpected \"{\"", line)),
            Token::Open => {
                let words = std::mem::take(&mut words);
                let directive = Directive { words, block: None, file: file.to_owned(), line: began };
                open.push((directive, std::mem::take(&mut done)));
            }
            Token::Close => {
                if let Some(word) = words.first() {
                    return Err(at(&format!("directive {word:?} is not terminated by \";\""), line));
                }
                let Some((mut directive, outer)) = open.pop() else { return Err(at("unexpected \"}\"", line)) };
                directive.block = Some(std::mem::replace(&mut done, outer));
                done.push(directive);
            }
        }
    }
    match (words.first(), open.is_empty()) {
        (Some(_), _) => Err(at("unexpected end of file, expecting \";\" or \"}\"", last)),
        (None, false) => Err(at("unexpected end of file, expecting \"}\"", last)),
        (None, true) => Ok(done),
    }
}

/// The whole configuration, with what it includes in its places.
pub(super) async fn read(fs: &Arc<dyn FileSystem>, path: &Path) -> Result<Directive, String> {
    let missing = || format!("nginx: [emerg] open() \"{}\" failed (2: No such file or directory)", path.display());
    let text = fs.read_file(path).await.map_err(|_| missing())?;
    let all = parse(&path.display().to_string(), &String::from_utf8_lossy(&text))?;
    let folder = path.parent().unwrap_or(Path::new("/etc/nginx"));
    let all = included(fs, folder, all, 0).await?;
    Ok(Directive { words: vec!["main".to_owned()], block: Some(all), file: path.display().to_string(), line: 1 })
}

fn included<'a>(
    fs: &'a Arc<dyn FileSystem>,
    folder: &'a Path,
    all: Vec<Directive>,
    depth: usize,
) -> BoxFuture<'a, Result<Vec<Directive>, String>> {
    Box::pin(async move {
        let mut out = Vec::new();
        for mut directive in all {
            if directive.name() == "include" && depth < 10 {
                let pattern = folder.join(directive.args().first().map(String::as_str).unwrap_or_default());
                let paths = matching(fs, &pattern).await;
                if paths.is_empty() && !pattern.to_string_lossy().contains('*') {
                    let what = format!("open() \"{}\" failed (2: No such file or directory)", pattern.display());
                    return Err(directive.wrong(&what));
                }
                for path in paths {
                    let Ok(text) = fs.read_file(&path).await else {
                        let what = format!("open() \"{}\" failed (2: No such file or directory)", path.display());
                        return Err(directive.wrong(&what));
                    };
                    let inner = parse(&path.display().to_string(), &String::from_utf8_lossy(&text))?;
                    out.extend(included(fs, folder, inner, depth + 1).await?);
                }
                continue;
            }
            if let Some(block) = directive.block.take() {
                directive.block = Some(included(fs, folder, block, depth).await?);
            }
            out.push(directive);
        }
        Ok(out)
    })
}

/// The files that a pattern means: stars stand in the last part only.
async fn matching(fs: &Arc<dyn FileSystem>, pattern: &Path) -> Vec<PathBuf> {
    let (folder, name) = (pattern.parent().unwrap_or(Path::new("/")), pattern.file_name().unwrap_or_default());
    let name = name.to_string_lossy();
    let Some((before, after)) = name.split_once('*') else {
        return if fs.exists(pattern).await.unwrap_or(false) { vec![pattern.to_owned()] } else { Vec::new() };
    };
    let entries = fs.read_dir(folder).await.unwrap_or_default();
    let fits = |name: &str| {
        let long = name.len() >= before.len() + after.len();
        long && name.starts_with(before) && name.ends_with(after) && (!name.starts_with('.') || before.starts_with('.'))
    };
    let mut names: Vec<String> = entries.into_iter().map(|entry| entry.name).filter(|name| fits(name)).collect();
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// One of nginx's servers.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) names: Vec<String>,
    /// Address, port, whether over TLS.
    pub(super) listens: Vec<(String, u16, bool)>,
    /// What it shows over TLS.
    pub(super) certificate: Option<Vec<u8>>,
    pub(super) directive: Directive,
}

/// What a configuration means: its servers, and warnings; or the first fault that nginx finds with it.
pub(super) async fn checked(fs: &Arc<dyn FileSystem>, main: &Directive) -> Result<(Vec<Server>, Vec<String>), String> {
    known(main)?;
    let (mut servers, mut warnings, mut taken) = (Vec::new(), Vec::new(), std::collections::BTreeSet::new());
    for server in main.named("http").flat_map(|http| http.named("server")) {
        let mut listens: Vec<_> = Vec::new();
        for listen in server.named("listen") {
            let words = listen.args();
            let at = words.first().map(String::as_str).unwrap_or_default();
            let (address, port) = match at.parse::<u16>() {
                Ok(port) => ("0.0.0.0".to_owned(), port),
                Err(_) => match at.rsplit_once(':') {
                    Some((address, port)) => {
                        let invalid = || listen.wrong(&format!("invalid port in \"{at}\" of the \"listen\" directive"));
                        let address = if address == "*" { "0.0.0.0" } else { address };
                        (address.to_owned(), port.parse().map_err(|_| invalid())?)
                    }
                    None => (at.to_owned(), 80),
                },
            };
            listens.push((address, port, words.iter().any(|word| word == "ssl")));
        }
        if listens.is_empty() {
            listens.push(("0.0.0.0".to_owned(), 80, false));
        }
        let names: Vec<String> = server.named("server_name").flat_map(|names| names.args().to_vec()).collect();
        for (address, port, _) in &listens {
            for name in names.iter().filter(|name| !taken.insert((address.clone(), *port, (*name).clone()))) {
                warnings.push(format!("nginx: [warn] conflicting server name \"{name}\" on {address}:{port}, ignored"));
            }
        }
        let mut certificate = None;
        if listens.iter().any(|(_, _, tls)| *tls) {
            for kind in ["ssl_certificate", "ssl_certificate_key"] {
                let Some(path) = server.first(kind) else {
                    return Err(server.wrong(&format!("no \"{kind}\" is defined for the \"listen ... ssl\" directive")));
                };
                let path = Path::new("/etc/nginx").join(path);
                match fs.read_file(&path).await {
                    Ok(text) if kind == "ssl_certificate" => certificate = Some(text),
                    Ok(_) => {}
                    Err(_) => {
                        let what = if kind == "ssl_certificate" { "certificate" } else { "certificate key" };
                        let path = path.display();
                        return Err(format!(
                            "nginx: [emerg] cannot load {what} \"{path}\": BIO_new_file() failed (SSL: error:80000002:system \
                             library::No such file or directory:calling fopen({path}, r) error:10000080:BIO routines::no such file)"
                        ));
                    }
                }
            }
        }
        upstreams(main, server)?;
        servers.push(Server { names, listens, certificate, directive: server.clone() });
    }
    Ok((servers, warnings))
}

fn known(outer: &Directive) -> Result<(), String> {
    for inner in outer.block.iter().flatten() {
        let name = inner.name();
        if !KNOWN.split(' ').any(|known| known == name) {
            return Err(inner.wrong(&format!("unknown directive \"{name}\"")));
        }
        let bare =
            ["listen", "server_name", "proxy_pass", "root", "return", "proxy_set_header", "client_max_body_size"];
        let needs = if name == "proxy_set_header" { 2 } else { 1 };
        if bare.contains(&name) && inner.args().len() < needs {
            return Err(inner.wrong(&format!("invalid number of arguments in \"{name}\" directive")));
        }
        if name == "location" && inner.block.is_none() {
            return Err(inner.wrong("directive \"location\" has no opening \"{\""));
        }
        if !LISTS.contains(&name) {
            known(inner)?;
        }
    }
    Ok(())
}

/// Names that are resolved when nginx starts must be known: addresses, localhost, and upstreams.
fn upstreams(main: &Directive, outer: &Directive) -> Result<(), String> {
    for inner in outer.block.iter().flatten() {
        upstreams(main, inner)?;
        if inner.name() != "proxy_pass" {
            continue;
        }
        let to = inner.args().first().map(String::as_str).unwrap_or_default();
        let Some((_, rest)) = to.split_once("://") else { return Err(inner.wrong("invalid URL prefix")) };
        let host = rest.split('/').next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let named = main.named("http").flat_map(|http| http.named("upstream"));
        let mut named = named.filter_map(|upstream| upstream.args().first());
        let resolves = host.contains('$')
            || host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
            || named.any(|name| name == host);
        if !resolves {
            return Err(inner.wrong(&format!("host not found in upstream \"{host}\"")));
        }
    }
    Ok(())
}

/// What a server does with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A status and, for a redirect, where to.
    Status(u16, String),
    /// Whatever is at this address: `127.0.0.1:8069`.
    Proxy(String),
    /// A file below this folder.
    File(String),
}

impl Server {
    /// What it does with a path: exact locations first, then expressions are left out, then the longest prefix.
    pub(super) fn answer(&self, path: &str) -> Answer {
        let mut best: Option<(usize, &Directive)> = None;
        for location in self.directive.named("location") {
            let length = match location.args() {
                [sign, of] if sign == "=" && of == path => usize::MAX,
                [sign, of] if sign == "^~" && path.starts_with(of.as_str()) => of.len(),
                [of] if path.starts_with(of.as_str()) => of.len(),
                _ => continue,
            };
            if best.is_none_or(|(longest, _)| length > longest) {
                best = Some((length, location));
            }
        }
        let at = best.map_or(&self.directive, |(_, location)| location);
        if let Some(returned) = at.named("return").next() {
            let words = returned.args();
            let status = words.first().and_then(|word| word.parse().ok()).unwrap_or(200);
            return Answer::Status(status, words.get(1).cloned().unwrap_or_default());
        }
        if let Some(to) = at.first("proxy_pass") {
            let host = to.split_once("://").map_or(to, |(_, rest)| rest).split('/').next().unwrap_or_default();
            return Answer::Proxy(host.to_owned());
        }
        Answer::File(
            at.first("root").or_else(|| self.directive.first("root")).unwrap_or("/usr/share/nginx/html").to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(site: &str) -> String {
        let disk = bashkit::InMemoryFs::new();
        disk.add_file(CONF, "events {}\nhttp { include /etc/nginx/sites-enabled/*; }\n", 0o644);
        disk.add_file("/etc/nginx/sites-enabled/a", site, 0o644);
        let fs: Arc<dyn FileSystem> = Arc::new(disk);
        match read(&fs, Path::new(CONF)).await {
            Ok(main) => match checked(&fs, &main).await {
                Ok((servers, warnings)) => format!("{} {}", servers.len(), warnings.join("; ")),
                Err(why) => why,
            },
            Err(why) => why,
        }
    }

    #[tokio::test]
    async fn faults_are_found_where_nginx_finds_them() {
        let site = "/etc/nginx/sites-enabled/a";
        for (text, expected) in [
            ("server { listen 80; location / { return 200 \"a;b}\"; } }", "1 ".to_owned()),
            ("server {\n listn 80;\n}", format!("nginx: [emerg] unknown directive \"listn\" in {site}:2")),
            (
                "server {\n listen 80\n}",
                format!("nginx: [emerg] directive \"listen\" is not terminated by \";\" in {site}:3"),
            ),
            ("server {\n listen 80;\n", format!("nginx: [emerg] unexpected end of file, expecting \"}}\" in {site}:2")),
            ("server {}\n}", format!("nginx: [emerg] unexpected \"}}\" in {site}:2")),
            (
                "server { location / { proxy_pass http://nobody; } }",
                format!("nginx: [emerg] host not found in upstream \"nobody\" in {site}:1"),
            ),
            (
                "server { server_name a; } server { server_name a; }",
                "2 nginx: [warn] conflicting server name \"a\" on 0.0.0.0:80, ignored".to_owned(),
            ),
        ] {
            assert_eq!(said(text).await, expected, "{text}");
        }
        let missing = said("server { listen 443 ssl; ssl_certificate /x.pem; ssl_certificate_key /x.key; }").await;
        assert!(
            missing.starts_with("nginx: [emerg] cannot load certificate \"/x.pem\": BIO_new_file() failed"),
            "{missing}"
        );
    }
}
