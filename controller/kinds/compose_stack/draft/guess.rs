//! Guesses what is secret in what somebody wrote by hand. Leans to yes: what is taken for a secret wrongly costs a line, and
//! what is taken for none stands in git forever. Pure.

/// Parts of names that speak of a secret.
const WORDS: [&str; 30] = [
    "PASS",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PWD",
    "PW",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "TOKENS",
    "KEY",
    "KEYS",
    "APIKEY",
    "SALT",
    "AUTH",
    "AUTHORIZATION",
    "CRED",
    "CREDS",
    "CREDENTIAL",
    "CREDENTIALS",
    "PRIVATE",
    "COOKIE",
    "SESSION",
    "SIGNING",
    "HMAC",
    "JWT",
    "DSN",
    "LICENSE",
    "WEBHOOK",
    "PIN",
];
/// Such parts that are also written without anything between them and others.
const WITHIN: [&str; 5] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY"];
/// Names of what is long and random and no secret.
const PUBLIC: [&str; 9] = ["TAG", "VERSION", "COMMIT", "IMAGE", "DIGEST", "REVISION", "SHA", "SHA256", "PUBLIC"];
/// So many letters and digits in a row are no word.
const RANDOM: usize = 20;

/// Says whether a variable is to be taken for a secret.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let has = |words: &[&str]| name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| words.contains(&part));
    let switch =
        ["true", "false", "yes", "no", "on", "off", "none", "null"].contains(&value.to_ascii_lowercase().as_str());
    if value.is_empty() || switch {
        return false;
    }
    let path = value.starts_with('/') && (name.ends_with("_FILE") || name.ends_with("_PATH") || name.ends_with("_DIR"));
    let named = has(&WORDS) || WITHIN.iter().any(|word| name.contains(word));
    named && !path || shows_itself(value) || !has(&PUBLIC) && is_random(value)
}

/// Says whether a file or a text holds what is to be taken for a secret: in some `name = value`, or by itself. What stands
/// elsewhere (`$PASSWORD`, `{{ password }}`) is none.
pub(super) fn holds_secret(text: &str) -> bool {
    let within = |c: char| c.is_whitespace() || ",;&(){}[]\"'`|".contains(c);
    text.lines().any(|line| {
        let said = line.match_indices(['=', ':']).any(|(at, _)| {
            let (left, right) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
            let name = left.trim_end_matches(within).rsplit(within).next().unwrap_or_default();
            let value = right.trim_start().trim_start_matches(['"', '\'']);
            let value = value.split(within).next().unwrap_or_default();
            !value.starts_with(['$', '<', '%']) && is_secret(name, value)
        });
        said || shows_itself(line)
    })
}

/// A private key, somebody's password in an address, a header that lets somebody in, a password for a program.
fn shows_itself(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let in_address = lower.match_indices("://").any(|(at, _)| {
        let authority: String = lower.chars().skip(at + 3).take_while(|c| !"/?# \"'".contains(*c)).collect();
        authority
            .split_once('@')
            .is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, word)| !word.starts_with("${")))
    });
    let header = lower.contains("authorization") && (lower.contains("bearer ") || lower.contains("basic "));
    let words: Vec<&str> = lower.split_whitespace().collect();
    let passed = words.windows(2).any(|pair| match pair {
        [flag, value] => {
            let named = flag.starts_with('-')
                && ["pass", "secret", "token", "apikey", "api-key"].iter().any(|word| flag.contains(word));
            named && !flag.contains('=') && !value.starts_with(['-', '$', '"', '\''])
        }
        _ => false,
    });
    // `mysqladmin -u root -phunter2`
    let client = words.iter().any(|word| word.contains("mysql") || word.contains("mariadb"));
    let short = client
        && words
            .iter()
            .any(|word| word.strip_prefix("-p").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('$')));
    lower.contains("private key-----") || in_address || header || passed || short
}

fn is_random(value: &str) -> bool {
    value.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        run.len() >= RANDOM && digits >= 2 && digits < run.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_taken_for_one() {
        let table = [
            ("POSTGRES_PASSWORD", "odoo", true),
            ("DBPASSWORD", "x", true),
            ("smtp_pw", "x", true),
            ("N8N_ENCRYPTION_KEY", "k", true),
            ("DATABASE_URL", "postgres://odoo:hunter2@db/odoo", true),
            ("DATABASE_URL", "postgres://db/odoo", false),
            ("ODD", "9f86d081884c7d659a2feaa0c55ad015", true),
            ("IMAGE_TAG", "9f86d081884c7d659a2feaa0c55ad015", false),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/db", false),
            ("BASIC_AUTH", "true", false),
            ("TZ", "Asia/Manila", false),
            ("PORT", "8069", false),
            ("HOST_NAME", "n8n.example.com", false),
            ("KEYBOARD", "de", false),
            ("PASSWORD", "", false),
        ];
        for (name, value, secret) in table {
            assert_eq!(is_secret(name, value), secret, "{name}={value}");
        }
    }

    #[test]
    fn files_are_looked_through_line_by_line() {
        for text in [
            "[options]\nadmin_passwd = hunter2\n",
            "{\n  \"token\": \"abc\",\n}",
            "x: -----BEGIN PRIVATE KEY-----",
            "proxy_set_header Authorization \"Bearer abcdef012345\";",
            "; db_password = old",
            "o: \"username=bot,password=x\"",
            "mysqladmin ping -u root -px",
            "ENV API_TOKEN=abc",
        ] {
            assert!(holds_secret(text), "{text}");
        }
        for text in [
            "[options]\nworkers = 2\n",
            "server { listen 80; }",
            "password: ${PASSWORD}",
            "TOKEN=$1 PASSWORD=\"$2\"",
            "mysqladmin ping -u root -p$PASSWORD",
            "token: {{ token }}",
            "see https://example.com/a:b@c",
        ] {
            assert!(!holds_secret(text), "{text}");
        }
    }
}
