//! What filling in a template may cost.
//!
//! minijinja's fuel counts instructions, and a single one can make text of
//! any length or walk a list without end. Here every value is paid for by its
//! size when it is made and before it is walked: the compiled instructions are
//! given further ones that do so, filters and tests are wrapped. Constants are
//! looked at before they are compiled, as the compiler computes with them.
//!
//! The instructions are minijinja's unstable interface; `Cargo.toml` names the
//! one version this is written for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{
    CodeGenerator, Instruction, Instructions, Vm, make_string_output, parse,
};
use minijinja::value::{Rest, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value,
    filters, functions, tests as checks,
};

/// What one template may spend: a byte of text costs one, any other value
/// [`VALUE`]. Enough to handle the hex of the longest message 64 times.
const MOST: usize = 8 << 20;
/// About the bytes a value takes in memory.
const VALUE: usize = 16;
const DEEPEST: usize = 64;
/// Instructions, those that pay included.
const FUEL: u64 = 200_000;

thread_local! {
    static LEFT: Cell<usize> = const { Cell::new(0) };
    /// The right side of a multiplication.
    static FACTOR: RefCell<Value> = const { RefCell::new(Value::UNDEFINED) };
}

fn spend(cost: usize) -> Result<(), Error> {
    let left = LEFT.get().checked_sub(cost);
    LEFT.set(left.unwrap_or(0));
    left.map(|_| ()).ok_or_else(|| {
        let text = format!(
            "too much work: a template may make and look at {} MiB of text \
             and lists",
            MOST >> 20
        );
        Error::new(ErrorKind::OutOfFuel, text)
    })
}

/// Pays for a value without what it holds.
fn touch(value: &Value) -> Result<(), Error> {
    let text = value.as_bytes().map(<[u8]>::len);
    spend(text.unwrap_or(VALUE))
}

/// Pays for a value and all that it holds. A number may stand for a width:
/// `numbers` of them are paid as such.
fn weigh(value: &Value, numbers: bool, depth: usize) -> Result<(), Error> {
    if depth > DEEPEST {
        let text = format!("lists more than {DEEPEST} deep");
        return Err(Error::new(ErrorKind::InvalidOperation, text));
    }
    touch(value)?;
    if numbers && value.is_number() {
        spend(value.as_usize().unwrap_or(0))?;
    }
    let kind = value.kind();
    if matches!(kind, ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        for item in value.try_iter()? {
            weigh(&item, numbers, depth + 1)?;
            if kind == ValueKind::Map {
                weigh(&value.get_item(&item)?, numbers, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// What a filter makes of a text can be longer than what it gets.
fn growth(name: &str, args: &[Value]) -> Result<(), Error> {
    let text = |place: usize| args.get(place).and_then(Value::as_str);
    match name {
        "batch" | "bytes" | "indent" | "slice" => {
            args.iter().skip(1).try_for_each(|arg| weigh(arg, true, 0))
        }
        "format" => {
            let form = text(0).unwrap_or_default();
            let widths = form.split(|c: char| !c.is_ascii_digit());
            for width in widths.filter(|width| !width.is_empty()) {
                spend(width.parse().unwrap_or(usize::MAX))?;
            }
            let stars = form.contains('*');
            args.iter().skip(1).try_for_each(|arg| weigh(arg, stars, 0))
        }
        "join" => {
            let count = args.first().and_then(Value::len).unwrap_or(0);
            spend(count.saturating_mul(text(1).unwrap_or_default().len()))
        }
        "replace" => {
            let (Some(all), Some(from), Some(to)) = (text(0), text(1), text(2))
            else {
                return Ok(());
            };
            spend(all.matches(from).count().saturating_mul(to.len()))
        }
        // Text added to text again and again is quadratic.
        "sum" => {
            let mut items = args.iter().flat_map(Value::try_iter).flatten();
            if items.all(|item| item.is_number()) {
                return Ok(());
            }
            let text = "a sum of what is no number";
            Err(Error::new(ErrorKind::InvalidOperation, text))
        }
        _ => Ok(()),
    }
}

/// Adds a filter that pays for what it gets and for what it makes.
pub fn add_filter(
    environment: &mut Environment<'_>,
    name: &'static str,
    filter: Value,
) {
    let paid = move |state: &State<'_, '_>, args: Rest<Value>| {
        args.iter().try_for_each(|arg| weigh(arg, false, 0))?;
        growth(name, &args)?;
        let made = filter.call(state, &args)?;
        weigh(&made, false, 0)?;
        Ok::<_, Error>(made)
    };
    environment.add_filter(name, paid);
}

fn add_test(
    environment: &mut Environment<'_>,
    name: &'static str,
    test: Value,
) {
    let paid = move |state: &State<'_, '_>, args: Rest<Value>| {
        args.iter().try_for_each(|arg| weigh(arg, false, 0))?;
        Ok::<_, Error>(test.call(state, &args)?.is_true())
    };
    environment.add_test(name, paid);
}

/// minijinja's filters and tests, but for those that look into the engine.
/// Unknown names are errors.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Else a debug build prints every field there is with each error.
    environment.set_debug(false);
    environment.set_recursion_limit(32);
    environment.set_fuel(Some(FUEL));
    macro_rules! add {
        ($add:ident, $($name:literal => $module:ident::$function:ident),*) => {
            $($add(
                &mut environment,
                $name,
                Value::from_function($module::$function),
            );)*
        };
    }
    add!(add_filter,
        "abs" => filters::abs, "attr" => filters::attr,
        "batch" => filters::batch, "bool" => filters::bool,
        "capitalize" => filters::capitalize, "chain" => filters::chain,
        "count" => filters::length, "d" => filters::default,
        "default" => filters::default, "dictsort" => filters::dictsort,
        "e" => filters::escape, "escape" => filters::escape,
        "first" => filters::first, "float" => filters::float,
        "format" => filters::format, "groupby" => filters::groupby,
        "indent" => filters::indent, "int" => filters::int,
        "items" => filters::items, "join" => filters::join,
        "last" => filters::last, "length" => filters::length,
        "lines" => filters::lines, "list" => filters::list,
        "lower" => filters::lower, "map" => filters::map,
        "max" => filters::max, "min" => filters::min,
        "reject" => filters::reject, "rejectattr" => filters::rejectattr,
        "replace" => filters::replace, "reverse" => filters::reverse,
        "round" => filters::round, "safe" => filters::safe,
        "select" => filters::select, "selectattr" => filters::selectattr,
        "slice" => filters::slice, "sort" => filters::sort,
        "split" => filters::split, "string" => filters::string,
        "sum" => filters::sum, "title" => filters::title,
        "trim" => filters::trim, "unique" => filters::unique,
        "upper" => filters::upper, "zip" => filters::zip
    );
    add!(add_test,
        "boolean" => checks::is_boolean, "defined" => checks::is_defined,
        "divisibleby" => checks::is_divisibleby,
        "endingwith" => checks::is_endingwith, "eq" => checks::is_eq,
        "equalto" => checks::is_eq, "==" => checks::is_eq,
        "even" => checks::is_even, "false" => checks::is_false,
        "filter" => checks::is_filter, "float" => checks::is_float,
        "ge" => checks::is_ge, ">=" => checks::is_ge,
        "greaterthan" => checks::is_gt, "gt" => checks::is_gt,
        ">" => checks::is_gt, "in" => checks::is_in,
        "int" => checks::is_integer, "integer" => checks::is_integer,
        "iterable" => checks::is_iterable, "le" => checks::is_le,
        "<=" => checks::is_le, "lessthan" => checks::is_lt,
        "lower" => checks::is_lower, "lt" => checks::is_lt,
        "<" => checks::is_lt, "mapping" => checks::is_mapping,
        "ne" => checks::is_ne, "!=" => checks::is_ne,
        "none" => checks::is_none, "number" => checks::is_number,
        "odd" => checks::is_odd, "safe" => checks::is_safe,
        "escaped" => checks::is_safe, "sameas" => checks::is_sameas,
        "sequence" => checks::is_sequence,
        "startingwith" => checks::is_startingwith,
        "string" => checks::is_string, "test" => checks::is_test,
        "true" => checks::is_true, "undefined" => checks::is_undefined,
        "upper" => checks::is_upper
    );
    environment.add_function("range", functions::range);
    environment.add_function("dict", functions::dict);
    environment.add_function("namespace", functions::namespace);
    // Names that no template can write.
    environment
        .add_filter("$touch", |value: Value| touch(&value).map(|()| value));
    environment.add_filter("$weigh", |value: Value| {
        weigh(&value, false, 0).map(|()| value)
    });
    environment.add_filter("$factor", |value: Value| {
        FACTOR.set(value.clone());
        value
    });
    environment.add_filter("$times", |value: Value| {
        repeat(&value, &FACTOR.take()).map(|()| value)
    });
    environment
}

/// Pays for `a * b` before it is made, if one of them is repeated.
fn repeat(a: &Value, b: &Value) -> Result<(), Error> {
    for (many, count) in [(a, b), (b, a)] {
        if !many.is_number()
            && let Some(count) = count.as_usize()
        {
            let text = many.as_bytes().map(<[u8]>::len);
            let one = text.or_else(|| Some(many.len()? * VALUE)).unwrap_or(0);
            return spend(one.saturating_mul(count));
        }
    }
    Ok(())
}

/// Looks at the constants among some expressions.
fn constants<'e, 'a: 'e>(
    list: impl IntoIterator<Item = &'e Expr<'a>>,
) -> Result<bool, Error> {
    list.into_iter().try_fold(true, |all, one| Ok(constant(one)? & all))
}

fn arguments(args: &[CallArg<'_>]) -> Result<bool, Error> {
    constants(args.iter().map(|arg| match arg {
        CallArg::Pos(one)
        | CallArg::Kwarg(_, one)
        | CallArg::PosSplat(one)
        | CallArg::KwargSplat(one) => one,
    }))
}

/// Pays for what the compiler computes of an expression. Whether it is all
/// constants.
fn constant(expression: &Expr<'_>) -> Result<bool, Error> {
    let pay = |one: &Expr<'_>| match one.as_const() {
        Some(value) => weigh(&value, false, 0),
        None => Ok(()),
    };
    Ok(match expression {
        Expr::Const(_) => true,
        Expr::Var(_) => false,
        Expr::List(list) => constants(&list.items)?,
        Expr::Map(map) => constants(map.keys.iter().chain(&map.values))?,
        Expr::UnaryOp(one) => constant(&one.expr)?,
        Expr::BinOp(two) => {
            let all = constants([&two.left, &two.right])?;
            if all {
                pay(&two.left)?;
                pay(&two.right)?;
                if let (BinOpKind::Mul, Some(a), Some(b)) =
                    (two.op, two.left.as_const(), two.right.as_const())
                {
                    repeat(&a, &b)?;
                }
            }
            all
        }
        Expr::Compare(compare) => {
            let others = || compare.ops.iter().map(|op| &op.expr);
            let all = constants(others())? & constant(&compare.expr)?;
            if all {
                pay(&compare.expr)?;
                others().try_for_each(pay)?;
            }
            all
        }
        Expr::Slice(slice) => {
            let ends = [&slice.start, &slice.stop, &slice.step];
            constants(ends.into_iter().flatten().chain([&slice.expr]))?;
            false
        }
        Expr::IfExpr(choice) => {
            constants([&choice.test_expr, &choice.true_expr])?;
            constants(&choice.false_expr)?;
            false
        }
        Expr::Filter(filter) => {
            constants(&filter.expr)?;
            arguments(&filter.args)?;
            false
        }
        Expr::Test(test) => {
            constant(&test.expr)?;
            arguments(&test.args)?;
            false
        }
        Expr::Call(call) => {
            constant(&call.expr)?;
            arguments(&call.args)?;
            false
        }
        Expr::GetAttr(get) => {
            constant(&get.expr)?;
            false
        }
        Expr::GetItem(get) => {
            constants([&get.expr, &get.subscript_expr])?;
            false
        }
    })
}

fn statements(list: &[Stmt<'_>]) -> Result<(), Error> {
    list.iter().try_for_each(statement)
}

fn statement(statement: &Stmt<'_>) -> Result<(), Error> {
    match statement {
        Stmt::Template(template) => statements(&template.children),
        Stmt::EmitExpr(emit) => constant(&emit.expr).map(|_| ()),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::ForLoop(each) => {
            constants([&each.target, &each.iter])?;
            constants(&each.filter_expr)?;
            statements(&each.body)?;
            statements(&each.else_body)
        }
        Stmt::IfCond(choice) => {
            constant(&choice.expr)?;
            statements(&choice.true_body)?;
            statements(&choice.false_body)
        }
        Stmt::WithBlock(with) => {
            constants(with.assignments.iter().map(|(_, value)| value))?;
            statements(&with.body)
        }
        Stmt::Set(set) => constants([&set.target, &set.expr]).map(|_| ()),
        Stmt::SetBlock(set) => {
            constants(&set.filter)?;
            statements(&set.body)
        }
        Stmt::AutoEscape(escape) => {
            constant(&escape.enabled)?;
            statements(&escape.body)
        }
        Stmt::FilterBlock(block) => {
            constant(&block.filter)?;
            statements(&block.body)
        }
        Stmt::Macro(one) => {
            constants(&one.defaults)?;
            statements(&one.body)
        }
        Stmt::CallBlock(block) => {
            constant(&block.call.expr)?;
            arguments(&block.call.args)?;
            statements(&block.macro_decl.body)
        }
        Stmt::Do(call) => {
            constant(&call.call.expr)?;
            arguments(&call.call.args).map(|_| ())
        }
        Stmt::Block(_)
        | Stmt::Extends(_)
        | Stmt::FromImport(_)
        | Stmt::Import(_)
        | Stmt::Include(_) => {
            let text = "there is no other template here";
            Err(Error::new(ErrorKind::InvalidOperation, text))
        }
    }
}

/// Parses a template whose constants are affordable.
fn parsed(source: &str) -> Result<Stmt<'_>, Error> {
    let (syntax, blanks) = Default::default();
    let parsed = parse(source, "<string>", syntax, blanks)?;
    LEFT.set(MOST);
    statement(&parsed)?;
    Ok(parsed)
}

/// Checks the syntax of a template, and gives the names it uses.
pub fn names(
    environment: &Environment<'_>,
    source: &str,
) -> Result<Vec<String>, Error> {
    if let Err(error) = parsed(source) {
        // What is no template is not compiled, but shown in its text.
        return Err(match error.kind() {
            ErrorKind::SyntaxError => {
                environment.template_from_str(source).err().unwrap_or(error)
            }
            _ => error,
        });
    }
    let template = environment.template_from_str(source)?;
    Ok(template.undeclared_variables(true).into_iter().collect())
}

/// The same instructions, and those that pay for them.
fn paid<'s>(from: &Instructions<'s>) -> Instructions<'s> {
    let apply = |name| Instruction::ApplyFilter(name, Some(1), !0);
    let (touch, weigh) = (|| apply("$touch"), || apply("$weigh"));
    let mut to = Instructions::new(from.name(), from.source());
    let mut places = Vec::new();
    for place in 0.. {
        places.push(u32::try_from(to.len()).unwrap_or(u32::MAX));
        let Some(instruction) = from.get(place) else { break };
        let line = from.get_line(place).and_then(|n| u16::try_from(n).ok());
        let mut add = |one| to.add_with_line(one, line.unwrap_or(0));
        let one = instruction.clone();
        match instruction {
            Instruction::EmitRaw(text) => {
                add(Instruction::LoadConst(Value::from(*text)));
                add(touch());
                add(Instruction::Emit);
            }
            Instruction::Emit => {
                add(weigh());
                add(one);
            }
            Instruction::Lookup(_)
            | Instruction::GetAttr(_)
            | Instruction::GetItem => {
                add(one);
                add(touch());
            }
            Instruction::Mul => {
                add(apply("$factor"));
                add(Instruction::Swap);
                add(apply("$times"));
                add(Instruction::Swap);
                add(one);
                add(weigh());
            }
            Instruction::Slice
            | Instruction::Add
            | Instruction::StringConcat
            | Instruction::BuildList(_)
            | Instruction::BuildMap(_)
            | Instruction::EndCapture
            | Instruction::CallFunction(..)
            | Instruction::CallMethod(..)
            | Instruction::CallObject(_) => {
                add(one);
                add(weigh());
            }
            Instruction::Eq
            | Instruction::Ne
            | Instruction::Gt
            | Instruction::Gte
            | Instruction::Lt
            | Instruction::Lte
            | Instruction::In
            | Instruction::CompareAndPreserve(_) => {
                for _ in 0..2 {
                    add(weigh());
                    add(Instruction::Swap);
                }
                add(one);
            }
            _ => {
                add(one);
            }
        }
    }
    for place in 0..u32::try_from(to.len()).unwrap_or(0) {
        if let Some(
            Instruction::Jump(target)
            | Instruction::JumpIfFalse(target)
            | Instruction::JumpIfFalseOrPop(target)
            | Instruction::JumpIfTrueOrPop(target)
            | Instruction::Iterate(target)
            | Instruction::BuildMacro(_, target, _),
        ) = to.get_mut(place)
        {
            let old = usize::try_from(*target).unwrap_or(usize::MAX);
            *target = places.get(old).copied().unwrap_or(*target);
        }
    }
    to
}

/// Fills a template in.
pub fn render(
    environment: &Environment<'_>,
    source: &str,
    filling: &Value,
) -> Result<String, Error> {
    let parsed = parsed(source)?;
    let mut generator = CodeGenerator::new("<string>", source);
    generator.compile_stmt(&parsed);
    let (instructions, _) = generator.finish();
    let instructions = paid(&instructions);
    let blocks = BTreeMap::new();
    let mut text = String::new();
    LEFT.set(MOST);
    Vm::new(environment).eval(
        &instructions,
        filling.clone(),
        &blocks,
        &mut make_string_output(&mut text),
        AutoEscape::None,
    )?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn filled(source: &str) -> Result<String, Error> {
        let filling = [("text", Value::from("a".repeat(10_000)))];
        render(&environment(), source, &filling.into_iter().collect())
    }

    /// Each would need hours or all memory; fuel alone notices none of them.
    #[test]
    fn excess_ends_soon_and_says_so() {
        let doubled = |expression: &str, end: &str| {
            let step = format!("{{% set x = {expression} %}}");
            format!("{{% set x = text %}}{}{end}", step.repeat(60))
        };
        let cases = [
            "{{ '%999999999d' | format(1) }}".to_owned(),
            "{{ '%*d' | format(999999999, 1) }}".to_owned(),
            "{{ 'x' | indent(99999999999, true) }}".to_owned(),
            "{{ [1] | batch(999999999999999999, 0) }}".to_owned(),
            "{{ [1] | slice(999999999999999999) }}".to_owned(),
            "{{ ['a'] | map('indent', 9999999999) | list }}".to_owned(),
            "{{ 'x' * 99999999 }}".to_owned(),
            "{{ ([1] * 999999999999) | length }}".to_owned(),
            "{{ [1, 2] * 9223372036854775808 }}".to_owned(),
            "{{ 5 in [1] * 999999999999 }}".to_owned(),
            "{% if [1] * 99999999999 == [2] * 99999999999 %}{% endif %}"
                .to_owned(),
            "{{ (text ~ '') * 99999999 }}".to_owned(),
            "{{ ([text] * 99999999999) | join }}".to_owned(),
            "{{ text | replace('a', text) | replace('a', text) }}".to_owned(),
            "{{ text | replace('', text) | replace('', text) }}".to_owned(),
            "{{ range(9999) | join(text) }}".to_owned(),
            "{{ (range(9999) | map('string') | list) | sum }}".to_owned(),
            doubled("x ~ x", ""),
            doubled("x + x", ""),
            doubled("[x, x]", "{{ x | string }}"),
            doubled("[x] + [x]", "{{ x == x }}"),
            doubled("{'a': x, 'b': x}", "{{ x }}"),
            "{% for n in range(99999) %}{{ text }}{% endfor %}".to_owned(),
            "{% for n in range(99999) %}{% if text ~ n == text %}{% endif %}\
             {% endfor %}"
                .to_owned(),
            "{% set o = namespace(x='a') %}{% for n in range(9999) %}\
             {% set o.x = o.x ~ o.x %}{% endfor %}"
                .to_owned(),
            "{% set o = namespace() %}{% set o.x = o %}{{ o }}".to_owned(),
            "{% set x %}{% for n in range(9999) %}{{ text }}{% endfor %}\
             {% endset %}"
                .to_owned(),
            "{% macro m(n) %}{{ text }}{{ m(n) }}{% endmacro %}{{ m(1) }}"
                .to_owned(),
            "{% for a in range(9999) %}{% for b in range(9999) %}\
             {% endfor %}{% endfor %}"
                .to_owned(),
            format!(
                "{{% for n in range(99999) %}}{}{{% endfor %}}",
                "0".repeat(4000)
            ),
        ];
        for source in cases {
            let start = Instant::now();
            let error = filled(&source).map(|text| text.len()).unwrap_err();
            let took = start.elapsed();
            assert!(took < Duration::from_secs(5), "{source}: {took:?}");
            let text = format!("{error:#}");
            assert!(
                ["too much work", "out of fuel", "deep", "no number"]
                    .iter()
                    .any(|part| text.contains(part))
                    || text.contains("recursion"),
                "{source}: {text}"
            );
        }
    }

    #[test]
    fn everything_else_is_as_minijinja_has_it() {
        let plain = Environment::new();
        let filling: Value =
            [("text", Value::from("abc")), ("n", Value::from(3))]
                .into_iter()
                .collect();
        for source in [
            "x {{ text }} {{ n * 2 + 1 }} {{ 'ab' * n }} {{ n * 'ab' }}",
            "{{ 2 * 3 }} {{ 'a' * 3 }} {{ ([1, n] * 2) | list }}",
            "{{ text[1] }} {{ text[1:] }} {{ [1, 2, 3][::-1] }}",
            "{% for x in range(n) if x %}{{ loop.index }}{{ x }},{% endfor %}",
            "{% for x in [] %}{% else %}none{% endfor %}",
            "{% for x in [1, [2, [3]]] recursive %}{% if x is number %}{{ x }}\
             {% else %}({{ loop(x) }}){% endif %}{% endfor %}",
            "{{ 1 if n == 3 else 2 }} {{ 1 < n < 5 }} {{ n in [1, 3] }}",
            "{{ n > 1 and text or 0 }} {{ not n }} {{ missing is defined }}",
            "{{ missing | default(7) }} {{ -n }} {{ 2 ** n }} {{ 7 // n }}",
            "{% set x = [text] + [n] %}{{ x | join('-') }} {{ x | length }}",
            "{% set x %}a{{ n }}b{% endset %}{{ x | upper }}",
            "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}\
             {{ m(1, b=n) }}",
            "{% macro m() %}<{{ caller() }}>{% endmacro %}\
             {% call m() %}x{% endcall %}",
            "{% with a = n %}{{ a }}{% endwith %}{% filter upper %}x{% endfilter %}",
            "{{ '%05d' | format(n) }} {{ 'a\nb' | indent(2) }}",
            "{{ [1, 2, 3] | batch(2, 0) | list }} {{ {'a': [n]} }}",
            "{{ [{'a': 1}, {'a': 2}] | selectattr('a', 'ge', 2) | list }}",
            "{{ [3, 1, 3] | unique | sort | map('string') | join }}",
            "{{ range(4) | reject('in', [1, 2]) | list }} {{ [1, 2] | sum }}",
            "{% set o = namespace(n=1) %}{% set o.n = o.n + 1 %}{{ o.n }}",
        ] {
            let wanted = plain.render_str(source, &filling).unwrap();
            let text = render(&environment(), source, &filling);
            assert_eq!(text.unwrap(), wanted, "{source}");
        }
    }
}
