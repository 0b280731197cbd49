//! Compares what is expected with what came, and writes it into the file where `UPDATE_SCENARIOS` asks for that.
//! What is written is a proposal: read it against MANIFESTS before it is committed.

use similar::TextDiff;

/// Where the text of one expectation stands.
pub struct Expected<'a> {
    pub step: usize,
    pub title: &'a str,
    pub key: &'a str,
    pub text: &'a str,
}

impl Expected<'_> {
    /// The difference to what came, for people; none where there is none.
    pub fn differs(&self, came: &str) -> Option<String> {
        let lines = |text: &str| text.trim().lines().map(|l| format!("{}\n", l.trim_end())).collect::<String>();
        let (expected, came) = (lines(self.text), lines(came));
        if expected == came {
            return None;
        }
        let diff = TextDiff::from_lines(&expected, &came);
        let shown = diff.unified_diff().context_radius(3).header("written", "came").to_string();
        Some(format!("step {} ({}), {}:\n{shown}", self.step + 1, self.title, self.key))
    }

    /// The file with what came in place of what was written.
    pub fn rewrite(&self, file: &str, came: &str) -> String {
        let lines: Vec<&str> = file.lines().collect();
        let begins = |line: &str| line.starts_with("  - ");
        let starts: Vec<usize> = lines.iter().enumerate().filter(|(_, line)| begins(line)).map(|(at, _)| at).collect();
        let steps = lines.iter().position(|line| *line == "steps:").expect("steps");
        let starts: Vec<usize> = starts.into_iter().filter(|at| *at > steps).collect();
        let from = starts[self.step];
        let mut to = starts.get(self.step + 1).copied().unwrap_or(lines.len());
        while to > from && lines[to - 1].trim().is_empty() {
            to -= 1;
        }
        let own = |line: &str| line.starts_with(&format!("    {}:", self.key));
        let inner = |line: &str| line.trim().is_empty() || line.starts_with("      ");
        let (mut head, mut tail): (Vec<&str>, Vec<&str>) = (lines[..to].to_vec(), lines[to..].to_vec());
        if let Some(at) = (from..to).find(|at| own(lines[*at])) {
            let end = (at + 1..to).find(|at| !inner(lines[*at])).unwrap_or(to);
            head = lines[..at].to_vec();
            tail = lines[end..].to_vec();
        } else if self.key == "plan"
            && let Some(at) = (from..to).find(|at| lines[*at].starts_with("    then:"))
        {
            head = lines[..at].to_vec();
            tail = lines[at..].to_vec();
        }
        let block = match came {
            "nothing" if self.key == "plan" || self.key == "then" => Vec::new(),
            "nothing" => vec![format!("    {}: nothing", self.key)],
            came => std::iter::once(format!("    {}: |", self.key))
                .chain(came.lines().map(|line| format!("      {}", line.trim_end())))
                .collect(),
        };
        let all = head.into_iter().map(str::to_owned).chain(block).chain(tail.into_iter().map(str::to_owned));
        all.collect::<Vec<_>>().join("\n") + "\n"
    }
}

/// Whether files are rewritten.
pub fn wanted() -> bool {
    std::env::var_os("UPDATE_SCENARIOS").is_some()
}
