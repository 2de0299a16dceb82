//! Pages of HTML: one file each, which loads nothing and allows no script but
//! its own. All that is shown is escaped, by minijinja or as text by script.

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minijinja::{Environment, Value};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("report.js");
const RUN: &str = include_str!("run.html");
const GRID: &str = include_str!("grid.html");

/// The page of a run: what stands at its head, and what the chart is made of.
pub(super) fn run(
    head: &impl Serialize,
    data: &impl Serialize,
) -> Result<String> {
    // In JSON `<` stands in texts only. Without it nothing in there ends the
    // element.
    let data = serde_json::to_string(data)?.replace('<', "\\u003c");
    let policy = policy(Some(SCRIPT));
    let head = Value::from_serialize(head);
    let page = minijinja::context! {
        policy,
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        data => Value::from_safe_string(data),
        ..head
    };
    render("run.html", RUN, page)
}

/// The page of a matrix.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn grid(table: &impl Serialize) -> Result<String> {
    let table = Value::from_serialize(table);
    let style = Value::from_safe_string(STYLE.to_owned());
    let page = minijinja::context! { policy => policy(None), style, ..table };
    render("grid.html", GRID, page)
}

/// The content security policy: nothing but what is written here.
fn policy(script: Option<&str>) -> String {
    let hash = |directive: &str, text: &str| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(text));
        format!("{directive} 'sha256-{hash}'")
    };
    let own = script.map(|script| hash("script-src", script));
    let others = [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ];
    let all = others.map(str::to_owned).into_iter();
    let all = all.chain([hash("style-src", STYLE)]).chain(own);
    all.collect::<Vec<_>>().join("; ")
}

/// Names that end in `.html` are escaped as HTML.
fn render(name: &str, template: &str, page: Value) -> Result<String> {
    let mut environment = Environment::new();
    environment.add_template(name, template)?;
    Ok(environment.get_template(name)?.render(page)?)
}
