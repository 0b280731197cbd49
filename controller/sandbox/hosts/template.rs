//! The templates that `docker … --format` takes, as far as scripts use them: fields, `json`, `index`, `len`, `eq`, `range`,
//! `if`, `else`, and texts. Pure: a value and a template give a line.

use serde_json::Value;

/// Fills a template in.
pub(super) fn fill(template: &str, value: &Value) -> Result<String, String> {
    let parts = parts(template)?;
    let mut out = String::new();
    let rest = run(&parts, value, &mut out, true)?;
    match rest {
        [] => Ok(out),
        _ => Err("template parsing error: unexpected {{end}}".to_owned()),
    }
}

enum Part {
    Text(String),
    Action(String),
}

fn parts(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").ok_or("template parsing error: unclosed action")?;
        parts.push(Part::Text(before.replace("\\t", "\t").replace("\\n", "\n")));
        parts.push(Part::Action(action.trim_matches('-').trim().to_owned()));
        rest = after;
    }
    parts.push(Part::Text(rest.replace("\\t", "\t").replace("\\n", "\n")));
    Ok(parts)
}

/// Runs parts up to the end of the block that they stand in; gives what comes from there on.
fn run<'p>(mut parts: &'p [Part], dot: &Value, out: &mut String, on: bool) -> Result<&'p [Part], String> {
    while let Some((part, rest)) = parts.split_first() {
        parts = rest;
        let action = match part {
            Part::Text(text) => {
                if on {
                    out.push_str(text);
                }
                continue;
            }
            Part::Action(action) => action.as_str(),
        };
        match action.split_once(' ').unwrap_or((action, "")) {
            ("end" | "else", _) => return Ok(rest),
            ("if", condition) => {
                let holds = on && is_true(&value(condition, dot)?);
                let mut aside = String::new();
                let (first, ended) = block(rest, dot, &mut aside, holds)?;
                if holds {
                    out.push_str(&aside);
                }
                parts = first;
                if ended == "else" {
                    let mut aside = String::new();
                    let (after, _) = block(parts, dot, &mut aside, on && !holds)?;
                    if on && !holds {
                        out.push_str(&aside);
                    }
                    parts = after;
                }
            }
            ("range", over) => {
                let over = over.rsplit(":=").next().unwrap_or(over).trim();
                let all = if on { value(over, dot)? } else { Value::Null };
                let members: Vec<Value> = match all {
                    Value::Array(members) => members,
                    Value::Object(members) => members.into_iter().map(|(_, member)| member).collect(),
                    _ => Vec::new(),
                };
                for member in &members {
                    block(rest, member, out, true)?;
                }
                parts = block(rest, dot, &mut String::new(), false)?.0;
            }
            _ if !on => {}
            _ => out.push_str(&shown(&value(action, dot)?)),
        }
    }
    Ok(parts)
}

/// Runs a block to its `end` or `else`, and says which it was.
fn block<'p>(parts: &'p [Part], dot: &Value, out: &mut String, on: bool) -> Result<(&'p [Part], &'p str), String> {
    let rest = run(parts, dot, out, on)?;
    let ended = parts.len().checked_sub(rest.len() + 1).and_then(|at| parts.get(at));
    match ended {
        Some(Part::Action(word)) if word == "end" || word == "else" => Ok((rest, word)),
        _ => Err("template parsing error: unexpected EOF".to_owned()),
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(members) => !members.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<no value>".to_owned(),
        Value::Object(members) => {
            let all = members.iter().map(|(name, member)| format!("{name}:{}", shown(member)));
            format!("map[{}]", all.collect::<Vec<_>>().join(" "))
        }
        Value::Array(members) => format!("[{}]", members.iter().map(shown).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

/// The words of an expression; what stands in parentheses is one.
fn words(expression: &str) -> Vec<String> {
    let (mut words, mut word, mut depth, mut quoted) = (Vec::new(), String::new(), 0_u32, false);
    for sign in expression.chars() {
        match sign {
            '"' if depth == 0 => {
                quoted = !quoted;
                word.push(sign);
            }
            '(' if !quoted => {
                depth += 1;
                word.push(sign);
            }
            ')' if !quoted => {
                depth = depth.saturating_sub(1);
                word.push(sign);
            }
            ' ' if depth == 0 && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn value(expression: &str, dot: &Value) -> Result<Value, String> {
    if let Some((first, then)) = expression.rsplit_once(" | ") {
        return apply(then.trim(), &[value(first, dot)?]);
    }
    let words = words(expression);
    let Some((first, rest)) = words.split_first() else { return Ok(Value::Null) };
    let operands = rest.iter().map(|word| operand(word, dot)).collect::<Result<Vec<_>, _>>()?;
    match first.as_str() {
        // A method with a word: `.Label "name"`.
        ".Label" => {
            let name = operands.first().and_then(Value::as_str).unwrap_or_default();
            Ok(dot.get("LabelsMap").and_then(|all| all.get(name)).cloned().unwrap_or_else(|| Value::from("")))
        }
        _ if rest.is_empty() => operand(first, dot),
        function => apply(function, &operands),
    }
}

fn apply(function: &str, operands: &[Value]) -> Result<Value, String> {
    let first = operands.first().cloned().unwrap_or_default();
    match function {
        "json" => Ok(Value::String(first.to_string())),
        "len" => {
            Ok(Value::from(first.as_array().map(Vec::len).or(first.as_object().map(serde_json::Map::len)).unwrap_or(0)))
        }
        "eq" => Ok(Value::Bool(operands.get(1) == Some(&first))),
        "ne" => Ok(Value::Bool(operands.get(1) != Some(&first))),
        "not" => Ok(Value::Bool(!is_true(&first))),
        "println" => Ok(Value::String(format!("{}\n", operands.iter().map(shown).collect::<Vec<_>>().join(" ")))),
        "index" => Ok(operands.iter().skip(1).fold(first, |value, key| {
            let found = match key {
                Value::String(key) => value.get(key),
                other => other.as_u64().and_then(|at| value.get(usize::try_from(at).ok()?)),
            };
            found.cloned().unwrap_or_default()
        })),
        other => Err(format!("template parsing error: function {other:?} not defined")),
    }
}

fn operand(word: &str, dot: &Value) -> Result<Value, String> {
    if let Some(text) = word.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return Ok(Value::String(text.replace("\\n", "\n")));
    }
    if let Some(inner) = word.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        return value(inner, dot);
    }
    if let Some(path) = word.strip_prefix('.') {
        let mut at = dot.clone();
        for name in path.split('.').filter(|name| !name.is_empty()) {
            at = at.get(name).cloned().unwrap_or_default();
        }
        return Ok(at);
    }
    if word.starts_with('$') {
        return Ok(dot.clone());
    }
    match serde_json::from_str(word) {
        Ok(number) => Ok(number),
        Err(_) => apply(word, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_scripts_ask_for_is_filled_in() {
        let value = json!({"Id": "abc", "Config": {"Labels": {"a.b": "x"}}, "N": 3, "M": [{"T": "bind"}, {"T": "volume"}],
                           "State": {"Status": "running"}, "LabelsMap": {"s": "web"}});
        for (template, expected) in [
            ("{{.Id}} {{.N}}", "abc 3"),
            ("{{json .State}}", r#"{"Status":"running"}"#),
            (r#"{{json (index .Config.Labels "a.b")}}"#, r#""x""#),
            (r#"{{json (index .Config.Labels "c")}}"#, "null"),
            (r#"{{.Label "s"}}-{{.Label "t"}}"#, "web-"),
            ("{{range .M}}{{.T}},{{end}}.", "bind,volume,."),
            ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}!", "none!"),
            (r#"{{if eq .N 3}}three{{end}}"#, "three"),
            ("{{.N | json}}", "3"),
        ] {
            assert_eq!(fill(template, &value).as_deref(), Ok(expected), "{template}");
        }
        assert!(fill("{{range .M}}", &value).is_err() && fill("{{frob .Id}}", &value).is_err());
    }
}
