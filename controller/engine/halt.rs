//! Whether anything may be written to the world at all: the settings of this machine and a file in git can forbid it.
//! Must not decide about single changes: that is the planner's.

use crate::model::{Estate, Memory, Plan};
use jiff::Timestamp;

/// Why nothing is written, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Who or what froze it, and why, in a sentence without its end.
    pub why: String,
    /// What lets it go on again.
    pub until: String,
}

impl Halt {
    /// Both in one line, for plans and reports.
    pub fn words(&self) -> String {
        format!("{}; to go on, {}", self.why, self.until)
    }

    /// Says in a plan that nothing of it is done.
    pub fn told_in(halt: Option<&Self>, plan: &mut Plan) {
        plan.frozen = halt.map(Self::words);
    }
}

/// Says why nothing may be written to the world now; none where nothing forbids it. Looking goes on in any case.
pub fn halted(config_freeze: bool, _memory: &Memory, estate: &Estate, _now: Timestamp) -> Option<Halt> {
    if config_freeze {
        let why = "freeze is set in the settings of the controller's machine".to_owned();
        return Some(Halt { why, until: "take it out there".to_owned() });
    }
    let why = estate.freeze.as_ref()?;
    let why = format!("git says so in the file FREEZE: {}", why.trim_end_matches(['.', ';']));
    Some(Halt { why, until: "remove the file".to_owned() })
}
