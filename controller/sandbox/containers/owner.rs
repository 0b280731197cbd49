//! Whose a container is: every one of ours names the process that made it, so that the next start finds what a crash left
//! behind, and leaves alone what another sandbox is still using. Reads /proc, changes nothing.

use std::fs;

/// The label that everything of ours carries; its value is an `Owner`.
pub(super) const LABEL: &str = "driftless.sandbox";

/// A sandbox of a process, as nobody else is it: `BOOT.NAMESPACE.PID.START.SANDBOX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    boot: String,
    namespace: String,
    pid: u32,
    start: String,
    sandbox: String,
}

impl Owner {
    /// A sandbox of this process.
    pub(super) fn this(sandbox: &str) -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let namespace = fs::read_link("/proc/self/ns/pid").map(|link| link.display().to_string()).unwrap_or_default();
        let pid = std::process::id();
        Self {
            boot: boot.chars().filter(char::is_ascii_hexdigit).take(12).collect(),
            namespace: namespace.chars().filter(char::is_ascii_digit).collect(),
            pid,
            start: start(pid).unwrap_or_default(),
            sandbox: sandbox.to_owned(),
        }
    }

    /// The value of the label.
    fn label(&self) -> String {
        format!("{}.{}.{}.{}.{}", self.boot, self.namespace, self.pid, self.start, self.sandbox)
    }

    /// The label itself, for what is made.
    pub(super) fn labelled(&self) -> String {
        format!("{LABEL}={}", self.label())
    }

    /// What the names of its things begin with; the whole name of its network.
    pub(super) fn name(&self) -> String {
        format!("driftless-{}", self.sandbox)
    }

    /// Reads the value of a label.
    pub(super) fn read(label: &str) -> Option<Self> {
        let mut parts = label.split('.');
        let mut next = || parts.next().map(str::to_owned);
        let (boot, namespace, pid) = (next()?, next()?, next()?.parse().ok()?);
        Some(Self { boot, namespace, pid, start: next()?, sandbox: next()? })
    }

    /// Says whether the owner has ended for sure, as this process sees it. One of another pid namespace of this boot may
    /// live though nobody here sees it.
    pub(super) fn has_ended(&self, here: &Self) -> bool {
        self.boot != here.boot || (self.namespace == here.namespace && start(self.pid).as_ref() != Some(&self.start))
    }
}

/// When a process began, in the kernel's words; none where there is none.
fn start(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, and may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_lives_has_not_ended_and_one_of_another_start_or_boot_has() {
        let here = Owner::this("a");
        assert_eq!(Owner::read(&here.label()), Some(here.clone()));
        assert!(!here.has_ended(&here) && !Owner::this("b").has_ended(&here));
        let former = Owner { start: "1".to_owned(), ..here.clone() };
        assert!(former.has_ended(&here), "the pid was given anew");
        let rebooted = Owner { boot: "0123456789ab".to_owned(), ..here.clone() };
        assert!(rebooted.has_ended(&here));
        let elsewhere = Owner { namespace: "1".to_owned(), pid: u32::MAX, ..here.clone() };
        assert!(!elsewhere.has_ended(&here), "nobody here can know");
        assert_eq!(Owner::read("somebody"), None);
    }
}
