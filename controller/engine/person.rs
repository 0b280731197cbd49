//! Who asks for something, and what they may: by their role, by the repo's list of approvers, and never for their own
//! work. Pure; where a person is recognised (a token, a user of the machine) is the server's and the command's matter.

use super::act::{Act, Refusal, Why};
use crate::model::ResourceId;
use crate::model::memory::Limits;
use crate::ports::config::{Access, Role};
use crate::ports::git::Person;
use crate::ports::people::OsUser;
use std::collections::BTreeSet;

/// Somebody who asks for something.
#[derive(Clone, Debug)]
pub struct Who {
    /// How they are called in reports and in the journal.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What `[[access]]` says of them; none on a machine that names nobody, where root and the controller's own user
    /// do everything.
    pub listed: Option<Access>,
}

impl Who {
    /// Somebody whom `[[access]]` names.
    pub fn listed(access: &Access) -> Self {
        Self { name: access.name.clone(), role: access.role, listed: Some(access.clone()) }
    }

    /// Root, or the controller's own user, while `[[access]]` names nobody.
    pub fn first(name: &str) -> Self {
        Self { name: name.to_owned(), role: Role::Admin, listed: None }
    }

    /// A user of this machine: whom `[[access]]` names, or, where it names nobody, root and the controller's own user.
    ///
    /// `sudo` is who called root's program; only root can say so, and root could say anything.
    pub fn on_machine(user: &OsUser, own: u32, sudo: Option<&str>, access: &[Access]) -> Result<Self, Refusal> {
        let sudo = sudo.filter(|name| user.uid == 0 && !name.is_empty());
        let name = sudo.unwrap_or(&user.name);
        if access.is_empty() {
            if user.uid == 0 || user.uid == own {
                return Ok(Self::first(name));
            }
            return Err(Refusal::new(
                Why::Forbidden,
                format!("{name} is neither root nor the user whom the controller runs as"),
                "Use sudo, or name who may do what in [[access]] of driftless.toml (os_user).",
            ));
        }
        let named = |person: &&Access| {
            person.os_user.as_ref().is_some_and(|os| sudo.map_or_else(|| user.is(os), |name| os == name))
        };
        access.iter().find(named).map(Self::listed).ok_or_else(|| {
            Refusal::new(
                Why::Forbidden,
                format!("nobody in [[access]] of driftless.toml has os_user = {name:?}"),
                "Add it to the entry of whoever this is.",
            )
        })
    }

    /// Refuses what the role does not allow.
    pub fn may(&self, act: &Act) -> Result<(), Refusal> {
        self.at_least(needed(act), act.name())
    }

    /// Refuses whose role is less than this.
    pub fn at_least(&self, role: Role, what: &str) -> Result<(), Refusal> {
        if self.role >= role {
            return Ok(());
        }
        let (has, needs) = (word(self.role), word(role));
        Err(Refusal::new(
            Why::Forbidden,
            format!("{} may not {what}: that takes the role {needs}, and theirs is {has}", self.name),
            "An admin does it, or gives them the role in [[access]] of driftless.toml.",
        ))
    }

    /// Refuses an approval by somebody whom Settings do not name, or who is among the authors of what would be done.
    ///
    /// On a machine that names nobody, whoever reaches the journal is not compared with anybody: there is nothing to
    /// compare.
    pub fn may_approve(&self, limits: &Limits, work: Option<(&ResourceId, &[Person])>) -> Result<(), Refusal> {
        let Some(access) = &self.listed else { return Ok(()) };
        if let Some(approvers) = &limits.approvers {
            self.is_approver(access, approvers)?;
        }
        let Some((id, authors)) = work.filter(|_| !limits.self_approve) else { return Ok(()) };
        let Some(own) = authors.iter().find(|author| is(access, author)) else { return Ok(()) };
        Err(Refusal::new(
            Why::Forbidden,
            format!(
                "{} wrote some of what changes {id} ({} <{}>), and nobody approves their own work",
                self.name, own.name, own.email
            ),
            "Somebody else who may approve does it; or Settings say selfApprove: true, which counts once nothing is held.",
        ))
    }

    fn is_approver(&self, access: &Access, approvers: &BTreeSet<String>) -> Result<(), Refusal> {
        let own = access.github.iter().chain(&access.teams);
        let named = |one: &String| own.clone().any(|own| own.eq_ignore_ascii_case(one));
        if self.role == Role::Admin || approvers.iter().any(named) {
            return Ok(());
        }
        let teams = approvers.iter().any(|one| one.contains('/'));
        let teams = if teams { " Who is in a team stands in their [[access]]: teams = [\"org/team\"]." } else { "" };
        let own = access.github.as_ref().map_or("has no github in [[access]]".to_owned(), |g| format!("is {g}"));
        Err(Refusal::new(
            Why::Forbidden,
            format!("Settings name who may approve ({}), and {} {own}", listed(approvers), self.name),
            format!("One of them approves, or an admin of driftless.toml.{teams}"),
        ))
    }
}

/// Names in a sentence. Nobody is left where the lists of two commits have nobody in common.
fn listed(approvers: &BTreeSet<String>) -> String {
    let all: Vec<&str> = approvers.iter().map(String::as_str).collect();
    if all.is_empty() { "nobody, until nothing is held".to_owned() } else { all.join(", ") }
}

/// The least role for an act.
fn needed(act: &Act) -> Role {
    match act {
        Act::Look => Role::Viewer,
        Act::Approve { .. } => Role::Approver,
        _ => Role::Admin,
    }
}

/// A role as driftless.toml writes it.
pub fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Approver => "approver",
        Role::Admin => "admin",
    }
}

/// Says whether an author is this person: by address, by GitHub's stand-in for one, or by name; capitals don't count.
fn is(access: &Access, author: &Person) -> bool {
    let same = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    let login = author.email.strip_suffix("@users.noreply.github.com").map(|l| l.rsplit('+').next().unwrap_or(l));
    access.emails.iter().any(|email| same(email, &author.email))
        || same(&access.name, &author.name)
        || access.github.as_ref().is_some_and(|own| same(own, &author.name) || login.is_some_and(|l| same(own, l)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(role: Role) -> Access {
        Access {
            name: "ana".to_owned(),
            token_hash: None,
            role,
            github: Some("ana-lim".to_owned()),
            teams: vec!["Acme/Ops".to_owned()],
            emails: vec!["Ana@Example.com".to_owned()],
            os_user: None,
        }
    }

    /// Who may approve, and whether an author may.
    fn limits(approvers: &[&str], self_approve: bool) -> Limits {
        let approvers: BTreeSet<String> = approvers.iter().map(|one| (*one).to_owned()).collect();
        Limits { approvers: (!approvers.is_empty()).then_some(approvers), self_approve, ..Limits::default() }
    }

    #[test]
    fn a_role_too_low_is_refused_by_the_role_that_it_takes() {
        let told = Who::listed(&access(Role::Viewer)).may(&Act::Approve { digests: Vec::new() }).expect_err("refused");
        assert!(told.what.contains("takes the role approver") && told.what.contains("theirs is viewer"), "{told:?}");
        let told = Who::listed(&access(Role::Approver)).may(&Act::Thaw).expect_err("refused");
        assert!(told.what.contains("takes the role admin"), "{told:?}");
        assert!(Who::listed(&access(Role::Viewer)).may(&Act::Look).is_ok());
        assert!(Who::first("root").may(&Act::Thaw).is_ok());
    }

    #[test]
    fn nobody_approves_their_own_work_however_it_is_signed() {
        let (who, id) = (Who::listed(&access(Role::Admin)), ResourceId::new("Droplet", "erp"));
        for (name, email, own) in [
            ("Somebody", "ana@example.COM", true),
            ("ANA", "elsewhere@example.com", true),
            ("x", "1234+Ana-Lim@users.noreply.github.com", true),
            ("x", "ana-lim@users.noreply.github.com", true),
            ("ana-lim", "x@example.com", true),
            ("Bob", "bob@example.com", false),
            ("Anabel", "anabel@example.com", false),
        ] {
            let authors = [Person::new("Bob", "bob@example.com"), Person::new(name, email)];
            let told = who.may_approve(&limits(&[], false), Some((&id, &authors)));
            assert_eq!(told.is_err(), own, "{name} <{email}>: {told:?}");
            assert!(who.may_approve(&limits(&[], true), Some((&id, &authors))).is_ok());
        }
        let own = [Person::new("ana", "")];
        assert!(Who::first("ana").may_approve(&limits(&[], false), Some((&id, &own))).is_ok());
    }

    #[test]
    fn a_user_of_the_machine_is_whom_access_names_and_root_only_while_it_names_nobody() {
        let user = |uid: u32, name: &str| OsUser { uid, name: name.to_owned() };
        let listed = [Access { os_user: Some("ana".to_owned()), ..access(Role::Approver) }];
        let role =
            |user: &OsUser, sudo, access: &[Access]| Who::on_machine(user, 500, sudo, access).map(|w| (w.name, w.role));
        let (ana, root, own) = (user(1000, "ana"), user(0, "root"), user(500, "driftless"));
        assert_eq!(role(&root, None, &[]), Ok(("root".to_owned(), Role::Admin)));
        assert_eq!(role(&own, Some("bob"), &[]), Ok(("driftless".to_owned(), Role::Admin)));
        assert!(role(&ana, None, &[]).is_err());
        assert_eq!(role(&ana, None, &listed), Ok(("ana".to_owned(), Role::Approver)));
        assert_eq!(role(&root, Some("ana"), &listed), Ok(("ana".to_owned(), Role::Approver)));
        assert!(role(&root, None, &listed).is_err() && role(&own, None, &listed).is_err());
        assert!(role(&user(1001, "bob"), Some("ana"), &listed).is_err(), "only root may speak for others");
    }

    #[test]
    fn where_settings_name_approvers_only_they_and_admins_approve() {
        let list = |names: &[&str]| limits(names, false);
        let approver = Who::listed(&access(Role::Approver));
        assert!(approver.may_approve(&list(&["bob", "ANA-LIM"]), None).is_ok());
        assert!(approver.may_approve(&list(&["acme/ops"]), None).is_ok(), "by their team");
        let told = approver.may_approve(&list(&["acme/dba"]), None).expect_err("refused");
        assert!(told.hint.contains("teams = ") && told.what.contains("acme/dba"), "{told:?}");
        assert!(Who::listed(&access(Role::Admin)).may_approve(&list(&["bob"]), None).is_ok());
    }
}
