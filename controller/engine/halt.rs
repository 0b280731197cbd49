//! Whether anything may be written to the world now, and if not, by whose word: the settings of this machine, a file in
//! git, somebody's command. Pure; must not decide about single changes, which is the planner's.

use crate::model::{Estate, Memory, Plan};
use jiff::Timestamp;

/// Why nothing is written to the world, whatever was planned; looking goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// By whose word, since when and why: `frozen by ana since 2026-11-26 21:40 UTC: the provider moves the region`.
    pub why: String,
    /// What lets it go on again.
    pub until: String,
    /// When it ends by itself.
    pub ends: Option<Timestamp>,
}

impl Halt {
    /// Both in one line, for plans and reports.
    pub fn words(&self) -> String {
        format!("{}; to go on, {}", self.why, self.until)
    }

    /// Says in a plan that nothing of it is done.
    pub fn told_in(halt: Option<&Self>, plan: &mut Plan) {
        plan.frozen = halt.map(Self::words);
        plan.next_due = plan.next_due.into_iter().chain(halt.and_then(|halt| halt.ends)).min();
    }
}

/// Says why nothing may be written to the world now; none where nothing forbids it. Looking goes on in any case.
///
/// `config_freeze` is `freeze` of driftless.toml, which no commit and no command can lift.
pub fn halted(config_freeze: bool, memory: &Memory, estate: &Estate, now: Timestamp) -> Option<Halt> {
    if config_freeze {
        let why = "freeze is set in the settings of the controller's machine".to_owned();
        return Some(Halt { why, until: "take it out there".to_owned(), ends: None });
    }
    if let Some(why) = &estate.freeze {
        let why = format!("git says so in the file FREEZE: {}", why.trim_end_matches(['.', ';']));
        return Some(Halt { why, until: "remove the file".to_owned(), ends: None });
    }
    let freeze = memory.frozen.as_ref().filter(|freeze| freeze.until.is_none_or(|until| until > now))?;
    let until = match freeze.until {
        Some(until) => format!("wait until {}, or `driftless thaw`", moment(until)),
        None => "`driftless thaw`".to_owned(),
    };
    let reason = freeze.reason.trim_end_matches(['.', ';']);
    let why = format!("frozen by {} since {}: {reason}", freeze.by, moment(freeze.at));
    Some(Halt { why, until, ends: freeze.until })
}

/// To the minute is what somebody reads at night.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Freeze;
    use std::collections::BTreeMap;

    fn estate(freeze: Option<&str>) -> Estate {
        let settings = r#"{"estate": "test", "id": "9f2c6a1e-0000-4000-8000-00000000000a", "mode": "enforce"}"#;
        let settings: crate::model::Settings = serde_json::from_str(settings).expect("settings");
        let freeze = freeze.map(str::to_owned);
        Estate { commit: None, settings, documents: BTreeMap::new(), sealed: BTreeMap::new(), freeze, files: 0 }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_freeze_holds_until_its_end_and_says_by_whom_since_when_and_why() {
        let mut memory = Memory::default();
        assert_eq!(halted(false, &memory, &estate(None), at(0)), None);
        let freeze = Freeze { by: "ana".to_owned(), reason: "moving".to_owned(), at: at(0), until: Some(at(600)) };
        memory.frozen = Some(freeze.clone());
        let halt = halted(false, &memory, &estate(None), at(599)).expect("it holds");
        assert_eq!(halt.why, "frozen by ana since 1970-01-01 00:00 UTC: moving");
        assert!(halt.until.contains("1970-01-01 00:10 UTC") && halt.until.contains("driftless thaw"), "{}", halt.until);
        assert_eq!(halt.ends, Some(at(600)));
        assert_eq!(halted(false, &memory, &estate(None), at(600)), None, "it has ended by itself");
        memory.frozen = Some(Freeze { until: None, ..freeze });
        assert!(halted(false, &memory, &estate(None), at(1_000_000)).is_some());
    }

    #[test]
    fn the_settings_of_the_machine_come_before_git_and_git_before_anybodys_word() {
        let freeze = Freeze { by: "ana".to_owned(), reason: "moving".to_owned(), at: at(0), until: None };
        let memory = Memory { frozen: Some(freeze), ..Memory::default() };
        let why =
            |machine: bool, git: Option<&str>| halted(machine, &memory, &estate(git), at(0)).expect("it holds").why;
        assert!(why(true, Some("stop")).contains("settings of the controller's machine"));
        assert!(why(false, Some("stop")).contains("FREEZE: stop"));
        assert!(why(false, None).contains("by ana"));
    }
}
