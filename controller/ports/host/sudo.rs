//! What `sudo -n` says where it lets a user do nothing, told from what the command behind it says. Runs nothing.

use super::run::Output;

/// Why sudo let nothing be done; none where the command itself has spoken.
///
/// sudo exits with 1 and a shell without sudo with 127, as commands may themselves. What sudo only warns of is no refusal: a
/// host that cannot resolve its own name does it before every command.
pub(super) fn refusal(output: &Output) -> Option<String> {
    if !output.out.is_empty() {
        return None;
    }
    let said = output.last_words();
    let last = said.lines().last()?;
    let says = |words: &[&str]| words.iter().any(|word| last.contains(word));
    let refused = match output.code {
        1 if last.starts_with("sudo: ") => !says(&["unable to resolve host"]),
        1 => {
            last.starts_with("Sorry, user ")
                || says(&[" is not in the sudoers file", " is not allowed to run sudo on "])
        }
        127 => says(&["sudo: not found", "sudo: command not found"]),
        _ => false,
    };
    refused.then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i32, out: &str, err: &str) -> Option<String> {
        refusal(&Output { code, out: out.into(), err: err.into(), truncated: false })
    }

    #[test]
    fn what_sudo_refuses_is_told_from_what_fails_behind_it() {
        // sudo 1.9 and sudo-rs, dash and bash.
        for (code, says) in [
            (1, "sudo: a password is required"),
            (1, "sudo: interactive authentication is required"),
            (1, "sudo: unable to resolve host erp: Name or service not known\nsudo: a password is required"),
            (1, "Sorry, user ops is not allowed to execute '/usr/bin/sh -c x' as root on erp."),
            (1, "ops is not in the sudoers file."),
            (127, "sh: 1: sudo: not found"),
            (127, "bash: line 1: sudo: command not found"),
        ] {
            assert_eq!(of(code, "", &format!("{says}\n")).as_deref(), says.lines().last(), "{says}");
        }
        assert_eq!(of(1, "", "sudo: unable to resolve host erp: Name or service not known\n"), None);
        assert_eq!(of(1, "", "nginx: [emerg] no\n"), None);
        assert_eq!(of(127, "", "sh: 1: docker: not found\n"), None);
        assert_eq!(of(1, "half", "sudo: a password is required\n"), None);
        assert_eq!(of(0, "", "sudo: a password is required\n"), None);
        assert_eq!(of(1, "", ""), None);
    }
}
