//! What of a request a command looks at, so that one that ends before it is
//! refused.

use std::collections::BTreeSet;

use super::channel::{Assign, Effect, Made, Says, Subject};
use super::file::Access;
use super::template::Scope;
use crate::script::check::Checker;
use crate::script::condition::Condition;
use crate::script::template::names;

/// The templates of what is said.
fn templates(says: &Says) -> impl Iterator<Item = &String> {
    let set = says.set.iter().filter_map(|assign| match assign {
        Assign::Register(_, Made::Template(source))
        | Assign::Variable(_, Made::Template(source)) => Some(source),
        _ => None,
    });
    let header = says.header.iter().filter_map(|(_, made)| match made {
        Made::Template(source) => Some(source),
        Made::Fixed(_) => None,
    });
    set.chain(header)
}

/// Registers of the request that a command looks at: those of its
/// conditions that the guest writes, `request.…` of its templates, and what
/// chooses a register of which there are several.
pub fn looks_at(
    check: &Checker<'_>,
    when: &[(Subject, Condition)],
    effect: &Effect,
    scope: &Scope<'_>,
) -> Vec<String> {
    let mut found = BTreeSet::new();
    // Names whose index counts.
    let mut chosen = Vec::new();
    for (subject, _) in when {
        if let Subject::Register(name) = subject {
            found.insert(name.clone());
            chosen.push(name.clone());
        }
    }
    let says = effect.then.iter().map(|then| &then.says);
    for says in says.chain([&effect.says]) {
        for assign in &says.set {
            if let Assign::Register(name, _) = assign {
                chosen.push(name.clone());
            }
        }
        for source in templates(says) {
            for name in names(check.environment, source) {
                let mut parts = name.split('.');
                match (parts.next(), parts.next()) {
                    (Some("request"), Some(name)) => {
                        found.insert(name.to_owned());
                    }
                    (Some("state"), Some(name)) => chosen.push(name.to_owned()),
                    _ => {}
                }
            }
        }
    }
    // A file may be wrong, and have an index that leads back to itself.
    let mut seen = BTreeSet::new();
    while let Some(name) = chosen.pop() {
        if let Some(register) = scope.registers.get(&name)
            && seen.insert(name)
        {
            found.extend(register.index.iter().cloned());
            chosen.extend(register.index.iter().cloned());
        }
    }
    let is_written = |name: &String| {
        scope.registers.get(name).is_some_and(|register| {
            register.offset.is_some()
                && matches!(register.access, Access::Rw | Access::Wo)
        })
    };
    found.into_iter().filter(is_written).collect()
}
