//! What a name, or a method that returns constants, stands for.

use std::collections::HashMap;
use std::rc::Rc;

use super::code::{Code, Returns};
use super::data::{Constant, Name};
use super::names::{Body, Entry, Names};

/// A name that stands for a name that stands for … is followed so far.
const DEPTH: usize = 8;

/// Where an object's value comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A `Name`.
    Value(Constant),
    /// A method.
    Code(Body),
}

/// A constant that an object may have for its value.
pub struct Value {
    /// The table it stands in.
    pub table: usize,
    /// The constant, never a name.
    pub constant: Constant,
    /// Where names in it start from.
    pub scope: String,
    /// It was reached by a name.
    pub shared: bool,
}

/// All constants that it may be.
#[derive(Default)]
pub struct Values {
    /// The constants.
    pub all: Vec<Value>,
    /// Why there may be others.
    pub open: Option<&'static str>,
}

impl Values {
    /// The only one.
    pub fn one(self) -> Option<Value> {
        let [one] = <[Value; 1]>::try_from(self.all).ok()?;
        self.open.is_none().then_some(one)
    }
}

/// Follows names through all tables.
pub struct Resolver<'a> {
    bodies: &'a [&'a [u8]],
    names: &'a Names,
    cache: HashMap<Body, Rc<Returns>>,
}

impl<'a> Resolver<'a> {
    /// One for those tables and their names.
    pub fn new(bodies: &'a [&'a [u8]], names: &'a Names) -> Resolver<'a> {
        Resolver { bodies, names, cache: HashMap::new() }
    }

    /// What an object of a table may have for its value.
    pub fn values(
        &mut self,
        source: &Source,
        table: usize,
        scope: &str,
    ) -> Values {
        match source {
            Source::Value(value) => self.value((value, table, false), scope),
            Source::Code(body) => {
                let mut values = Values::default();
                self.run(*body, scope, 0, &mut values);
                values
            }
        }
    }

    /// What a constant or a name in a table is; whether it is shared.
    pub fn value(
        &mut self,
        value: (&Constant, usize, bool),
        scope: &str,
    ) -> Values {
        let mut values = Values::default();
        self.follow(value, scope, 0, &mut values);
        values
    }

    /// A constant, or what a name stands for.
    fn follow(
        &mut self,
        (constant, table, shared): (&Constant, usize, bool),
        scope: &str,
        depth: usize,
        out: &mut Values,
    ) {
        let name = match constant {
            Constant::Name(name) if depth < DEPTH => name,
            Constant::Name(_) | Constant::Computed => {
                out.open = Some("it needs running");
                return;
            }
            _ => {
                let (constant, scope) = (constant.clone(), scope.to_owned());
                out.all.push(Value { table, constant, scope, shared });
                return;
            }
        };
        match self.names.find(name, scope) {
            Some(Entry::Value(table, value, scope)) => {
                let (value, table) = (value.clone(), *table);
                let scope = scope.clone();
                self.follow((&value, table, true), &scope, depth + 1, out);
            }
            // Whatever its arguments are: they are unknown in it.
            Some(Entry::Method(body, scope)) => {
                let (body, scope) = (*body, scope.clone());
                self.run(body, &scope, depth + 1, out);
            }
            Some(Entry::External(_)) => {
                out.open = Some("it calls a method that is in no table here");
            }
            Some(Entry::Twice) => {
                out.open = Some("it uses a name that is declared twice");
            }
            None => {
                out.open =
                    Some("it uses a name that is declared in no table here");
            }
        }
    }

    /// What a method may return.
    fn run(&mut self, body: Body, scope: &str, depth: usize, out: &mut Values) {
        let (bodies, names) = (self.bodies, self.names);
        let returns = self.cache.entry(body).or_insert_with(|| {
            let code = Code { aml: bodies[body.table], names, scope };
            Rc::new(code.returns(body.from, body.to))
        });
        let returns = Rc::clone(returns);
        if returns.open {
            out.open = Some("it needs running");
        }
        let shared = depth > 0;
        for (value, _) in &returns.values {
            let local = |name: &Name| {
                let mut locals = returns.locals.iter();
                let found = locals.find(|(local, _)| local == name);
                found.map(|(_, value)| value.clone())
            };
            let value = match value {
                Constant::Name(_) if returns.changes => {
                    out.open = Some("it changes what it returns");
                    continue;
                }
                Constant::Name(name) => {
                    local(name).unwrap_or_else(|| value.clone())
                }
                value => value.clone(),
            };
            self.follow((&value, body.table, shared), scope, depth, out);
        }
        if returns.values.is_empty() {
            out.open = Some("it needs running");
        }
    }
}
