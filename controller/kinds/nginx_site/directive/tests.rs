//! The language by tables, and its law: what is printed is read back.

use super::*;
use proptest::prelude::*;

fn words(text: &str) -> Vec<String> {
    let parsed = parse(text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
    assert_eq!(parsed.directives.len(), 1, "{parsed:?}");
    let directive = parsed.directives.into_iter().next().expect("one");
    std::iter::once(directive.name).chain(directive.args).collect()
}

fn wrong(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn words_are_what_nginx_takes_them_for() {
    for (text, expected) in [
        ("listen 443 ssl http2;", vec!["listen", "443", "ssl", "http2"]),
        ("return 301 https://$host$request_uri;", vec!["return", "301", "https://$host$request_uri"]),
        ("return 301 https://${host}:8443${request_uri};", vec!["return", "301", "https://${host}:8443${request_uri}"]),
        ("a \"b c\" 'd \"e\"';", vec!["a", "b c", "d \"e\""]),
        ("a \"\";", vec!["a", ""]),
        ("a b\"c\"d;", vec!["a", "b\"c\"d"]),
        ("a b#c; # d", vec!["a", "b#c"]),
        ("a b}c;", vec!["a", "b}c"]),
        ("rewrite ^/(\\d+)\\.php$ /x/$1 last;", vec!["rewrite", "^/(\\d+)\\.php$", "/x/$1", "last"]),
        ("a \"x{2,3}\\t\\\"\\\\\";", vec!["a", "x{2,3}\t\"\\"]),
        ("a b\\;c;", vec!["a", "b\\;c"]),
        ("a b\\ c;", vec!["a", "b\\ c"]),
        ("a\n\tb\r\n  c\n;", vec!["a", "b", "c"]),
        ("ssl_ciphers HIGH:!aNULL:!MD5;", vec!["ssl_ciphers", "HIGH:!aNULL:!MD5"]),
        ("log_format x '$a \\'b\\'' \"c\";", vec!["log_format", "x", "$a 'b'", "c"]),
        ("a ü;", vec!["a", "ü"]),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn blocks_nest_and_conditions_are_words() {
    let parsed =
        parse("server { if ($a = \"b\") { return 404; } location ~ \\.php$ { # x\n deny all; } }").expect("ok");
    let server = &parsed.directives[0];
    let inner = server.block.as_ref().expect("a block");
    assert_eq!(inner[0].args, ["($a", "=", "b", ")"]);
    assert_eq!(inner[1].args, ["~", "\\.php$"]);
    assert!(inner[1].block.as_ref().expect("a block")[0].says("deny", &["all"]));
    assert_eq!(parsed.comments, 1);
}

#[test]
fn what_nginx_refuses_is_refused_with_its_place() {
    for (text, expected) in [
        ("server {", "line 1, column 8: unexpected end of file, expecting \"}\""),
        ("a b", "line 1, column 3: unexpected end of file, expecting \";\" or \"}\""),
        ("a;\n  }", "line 2, column 3: unexpected \"}\""),
        ("a;\n;", "line 2, column 1: unexpected \";\""),
        ("{ a; }", "line 1, column 1: unexpected \"{\""),
        ("server { a }", "line 1, column 12: unexpected \"}\""),
        ("a \"b\"c;", "line 1, column 6: unexpected \"c\" after a quoted word"),
        ("a \"b;", "line 1, column 5: unexpected end of file in a word in \"quotes\""),
        ("a \\", "line 1, column 3: unexpected end of file, expecting \";\" or \"}\""),
        ("x { content_by_lua_block { } }", "line 1, column 26: content_by_lua_block holds Lua, which is not read here"),
    ] {
        assert_eq!(wrong(text), expected, "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let deep = |n: usize| format!("{}{}", "a {".repeat(n), "}".repeat(n));
    assert!(parse(&deep(DEEPEST)).is_ok());
    assert!(wrong(&deep(1_000_000)).ends_with("blocks are nested deeper than 32"));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9_./:$\\\\{}\"'#;() \t\n]{0,12}", "\\PC{0,8}", "[a-z_]{1,12}"]
}

fn directives() -> impl Strategy<Value = Vec<Directive>> {
    let leaf = (text(), proptest::collection::vec(text(), 0..4)).prop_map(|(name, args)| Directive {
        name,
        args,
        block: None,
    });
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        (text(), proptest::collection::vec(text(), 0..3), proptest::collection::vec(inner, 0..4))
            .prop_map(|(name, args, block)| Directive { name, args, block: Some(block) })
    });
    proptest::collection::vec(tree, 0..5)
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(directives in directives()) {
        let lua = |d: &Directive| d.block.is_some() && d.name.ends_with("_by_lua_block");
        prop_assume!(!directives.iter().any(lua));
        let text = print(&directives);
        prop_assert_eq!(parse(&text).map(|p| p.directives), Ok(directives), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_prints_the_same_twice(text in "[a-z{};#\"' $\\\\\n]{0,60}|\\PC{0,60}") {
        if let Ok(parsed) = parse(&text) {
            let once = print(&parsed.directives);
            let again = parse(&once).map(|p| p.directives);
            prop_assert_eq!(again, Ok(parsed.directives));
        }
    }
}
