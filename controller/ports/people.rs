//! The users of this machine, as /etc/passwd names them. A directory service is not asked: who is known only there can
//! be named by the number.

use std::path::Path;

const PASSWD: &str = "/etc/passwd";

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsUser {
    /// The number.
    pub uid: u32,
    /// The name; the number in digits where it has none.
    pub name: String,
}

impl OsUser {
    /// The user of that number.
    pub fn of(uid: u32) -> Self {
        let name = entries(Path::new(PASSWD)).into_iter().find(|(_, known)| *known == uid).map(|(name, _)| name);
        Self { uid, name: name.unwrap_or_else(|| uid.to_string()) }
    }

    /// The user whom this process belongs to.
    pub fn this() -> Self {
        Self::of(rustix::process::geteuid().as_raw())
    }

    /// Says whether a setting names this user, by name or number.
    pub fn is(&self, name: &str) -> bool {
        self.name == name || name.parse() == Ok(self.uid)
    }
}

fn entries(file: &Path) -> Vec<(String, u32)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next()?, fields.nth(1)?.parse().ok()?);
        (!name.is_empty()).then(|| (name.to_owned(), uid))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_name_and_by_number() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "root:x:0:0:root:/root:/bin/bash\nodd line\nana:x:1000:1000::/home/ana:/bin/sh\n")
            .expect("written");
        assert_eq!(entries(file.path()), [("root".to_owned(), 0), ("ana".to_owned(), 1000)]);
        let ana = OsUser { uid: 1000, name: "ana".to_owned() };
        assert!(ana.is("ana") && ana.is("1000") && !ana.is("root") && !ana.is("0"));
        assert_eq!(OsUser::of(4_000_000_001).name, "4000000001");
    }
}
