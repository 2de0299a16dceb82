//! A matrix for people, documents and programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::cell::Cell;
use crate::result::RunResult;
use crate::table;

/// The rows of the table: a head, then a platform in a mode each.
pub(super) fn rows(
    cells: &[Cell],
    text: impl Fn(&Cell) -> String,
) -> Vec<Vec<String>> {
    let mut head = vec!["platform".to_owned()];
    for cell in cells {
        if !head[1..].contains(&cell.kernel) {
            head.push(cell.kernel.clone());
        }
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for cell in cells {
        let name = cell.row();
        let column = head.iter().skip(1).position(|k| *k == cell.kernel);
        let Some(column) = column.map(|at| at + 1) else { continue };
        if rows.iter().all(|row| row[0] != name) {
            let mut row = vec![String::new(); head.len()];
            row[0].clone_from(&name);
            rows.push(row);
        }
        if let Some(row) = rows.iter_mut().find(|row| row[0] == name) {
            row[column] = text(cell);
        }
    }
    rows.insert(0, head);
    rows
}

/// The table for people, with seconds, no wider than so many columns.
pub fn text(cells: &[Cell], width: Option<u16>) -> String {
    let rows = rows(cells, |cell| match cell.verdict.total {
        Duration::ZERO => cell.text(),
        time => format!("{} ({:.1} s)", cell.text(), time.as_secs_f32()),
    });
    table::lines(&rows, width)
}

/// The table for a document, the same from run to run.
pub fn markdown(cells: &[Cell]) -> String {
    let mut out = String::new();
    for (index, row) in rows(cells, Cell::text).iter().enumerate() {
        let of = |cell: &&Cell| row[0] == cell.row();
        let driver = cells.iter().find(of).map_or("driver", |it| &it.driver);
        out.push_str(&format!("| {driver} | {} |\n", row.join(" | ")));
        if index == 0 {
            out.push_str(&"|---".repeat(row.len() + 1));
            out.push_str("|\n");
        }
    }
    out
}

/// All of it for programs.
pub fn json(cells: &[Cell]) -> Value {
    cells
        .iter()
        .map(|cell| {
            json!({
                "kernel": cell.kernel,
                "driver": cell.driver,
                "platform": cell.platform,
                "mode": cell.mode.name(),
                "exit": cell.verdict.code,
                "passed": cell.verdict.passed,
                "known": cell.verdict.known,
                "missing": cell.verdict.missing,
                "left_out": cell.left_out.iter().map(|(p, _)| p).collect::<Vec<_>>(),
                "text": cell.verdict.text,
                "first": cell.verdict.first,
                "reasons": cell.verdict.reasons,
                "conduct": RunResult::of("", &cell.verdict).conduct,
                "boot_ms": cell.verdict.boot.map(|t| t.as_millis()),
                "total_ms": cell.verdict.total.as_millis(),
                "logs": cell.logs,
            })
        })
        .collect()
}
