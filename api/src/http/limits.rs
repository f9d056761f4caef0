//! What one document may ask for, checked before the executor sees it.
//!
//! Fragments are counted once each and multiplied, so that a document of a few lines that expands to billions of fields costs
//! no more to refuse than to read.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Pos};
use serde_json::{Map, Value as Json};

use super::parameters::{check_default, check_literal, shortened};
use super::problem::{Problem, ProblemCode};
use crate::config::Graphql;

/// The deepest nesting of brackets of any kind: the parser recurses on them, and the stack is not endless.
const BRACKETS: usize = 64;

/// How often a list of the introspection types may stand below itself: each level multiplies the answer by the size of the schema.
const INTROSPECTION_LISTS: usize = 3;

/// The operation that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// Its name, if it has one.
    pub name: Option<String>,
}

/// Reads a document and refuses what is too large, malformed or endless.
pub fn parse(text: &str, limits: &Graphql) -> Result<ExecutableDocument, Problem> {
    if text.len() > limits.query_max_bytes {
        return Err(exceeded("bytes in the document", limits.query_max_bytes));
    }
    check_brackets(text)?;
    let document = async_graphql::parser::parse_query(text).map_err(|error| {
        let position = error.positions().next();
        let problem =
            Problem::new(ProblemCode::ParseFailed, format!("the document is not GraphQL: {}", first_line(&error.to_string())));
        position.map_or(problem.clone(), |position| problem.at(position))
    })?;
    check_document(&document, limits)?;
    Ok(document)
}

/// The operation that `name` asks for. Its variables are looked at here, since the executor would find a missing one only when it
/// comes to the field that needs it, after the fields before it have run.
pub fn operation(document: &ExecutableDocument, name: Option<&str>, variables: &Map<String, Json>) -> Result<Asked, Problem> {
    let unknown = |message: String| Problem::new(ProblemCode::OperationUnknown, message);
    let found: Option<(Option<&Name>, &Positioned<OperationDefinition>)> = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some((None, operation)),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.iter().find(|(known, _)| known.as_str() == name).map(|(known, operation)| (Some(known), operation))
        }
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.iter().next().map(|(known, operation)| (Some(known), operation))
        }
        (DocumentOperations::Multiple(_), None) => {
            return Err(unknown("the document has several operations: say which in `operationName`".into()));
        }
        (DocumentOperations::Single(_), Some(_)) => None,
    };
    let (known, operation) = found.ok_or_else(|| unknown("the document has no operation of this name".into()))?;
    for variable in &operation.node.variable_definitions {
        let definition = &variable.node;
        let needed = !definition.var_type.node.nullable;
        let missing = match variables.get(definition.name.node.as_str()) {
            None => definition.default_value.is_none(),
            Some(value) => value.is_null(),
        };
        if needed && missing {
            let message = format!("variable `${}` needs a value", shortened(&definition.name.node));
            return Err(Problem::new(ProblemCode::BadUserInput, message).at(variable.pos));
        }
    }
    Ok(Asked { kind: operation.node.ty, name: known.map(shortened) })
}

fn check_brackets(text: &str) -> Result<(), Problem> {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[', '(', '}', ']', ')', '"', '#']) {
        let (token, after) = rest.split_at(at).1.split_at(1);
        rest = after;
        match token {
            "{" | "[" | "(" => depth += 1,
            "\"" => rest = after_string(after),
            "#" => rest = after.find(['\n', '\r']).map_or("", |end| after.split_at(end).1),
            _ => depth = depth.saturating_sub(1),
        }
        if depth > BRACKETS {
            return Err(exceeded("levels of brackets", BRACKETS));
        }
    }
    Ok(())
}

/// What follows a string whose opening quote is already taken.
fn after_string(text: &str) -> &str {
    let (closing, mut rest) = match text.strip_prefix("\"\"") {
        Some(block) => ("\"\"\"", block),
        None => ("\"", text),
    };
    loop {
        let Some(at) = rest.find(['\\', '"']) else { return "" };
        let tail = rest.split_at(at).1;
        if let Some(after) = tail.strip_prefix(closing) {
            return after;
        }
        let mut characters = tail.chars();
        if characters.next() == Some('\\') {
            characters.next();
        }
        rest = characters.as_str();
    }
}

fn check_document(document: &ExecutableDocument, limits: &Graphql) -> Result<(), Problem> {
    let mut counter = Counter { document, fragments: HashMap::new() };
    let mut total = Tally::default();
    for (_, operation) in document.operations.iter() {
        let tally = counter.selection_set(&operation.node.selection_set.node)?;
        if tally.root_fields > limits.root_fields_max {
            return Err(exceeded("fields at the root of an operation", limits.root_fields_max).at(operation.pos));
        }
        total.add(&tally);
        total.directives = total.directives.saturating_add(directives(&operation.node.directives)?);
        for variable in &operation.node.variable_definitions {
            total.directives = total.directives.saturating_add(directives(&variable.node.directives)?);
            if let Some(default) = &variable.node.default_value {
                check_default(&default.node).map_err(|problem| problem.at(default.pos))?;
            }
        }
    }
    for name in document.fragments.keys() {
        counter.fragment(name)?;
    }
    let written: usize = document.fragments.values().map(|fragment| fragment.node.directives.len()).sum();
    total.directives = total.directives.saturating_add(written);
    let checks = [
        (total.depth, limits.depth_max, "levels of fields"),
        (total.selections, limits.complexity_max, "fields"),
        (total.aliases, limits.aliases_max, "aliases"),
        (total.directives, limits.directives_max, "directives"),
    ];
    for (asked, most, what) in checks {
        if asked > most {
            return Err(exceeded(what, most));
        }
    }
    Ok(())
}

/// What a selection set holds, its fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    root_fields: usize,
    selections: usize,
    aliases: usize,
    directives: usize,
    depth: usize,
    introspection_lists: usize,
}

impl Tally {
    const fn add(&mut self, other: &Self) {
        self.root_fields = self.root_fields.saturating_add(other.root_fields);
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = larger(self.depth, other.depth);
        self.introspection_lists = larger(self.introspection_lists, other.introspection_lists);
    }
}

struct Counter<'d> {
    document: &'d ExecutableDocument,
    /// `None` while a fragment is being counted: meeting it again then is a cycle.
    fragments: HashMap<&'d Name, Option<Tally>>,
}

impl<'d> Counter<'d> {
    fn selection_set(&mut self, set: &'d SelectionSet) -> Result<Tally, Problem> {
        let mut tally = Tally::default();
        for selection in &set.items {
            tally.selections = tally.selections.saturating_add(1);
            tally.directives = tally.directives.saturating_add(directives(selection.node.directives())?);
            let below = match &selection.node {
                Selection::Field(field) => self.field(&field.node, field.pos)?,
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            tally.add(&below);
        }
        Ok(tally)
    }

    fn field(&mut self, field: &'d Field, position: Pos) -> Result<Tally, Problem> {
        for (_, argument) in &field.arguments {
            check_literal(&argument.node).map_err(|problem| problem.at(argument.pos))?;
        }
        let mut tally = self.selection_set(&field.selection_set.node)?;
        tally.root_fields = 1;
        tally.aliases = tally.aliases.saturating_add(usize::from(field.alias.is_some()));
        tally.depth = tally.depth.saturating_add(1);
        let name = field.name.node.as_str();
        if matches!(name, "__schema" | "__type") && tally.introspection_lists > INTROSPECTION_LISTS {
            return Err(exceeded("lists of types inside each other", INTROSPECTION_LISTS).at(position));
        }
        if matches!(name, "fields" | "interfaces" | "possibleTypes" | "inputFields") {
            tally.introspection_lists = tally.introspection_lists.saturating_add(1);
        }
        Ok(tally)
    }

    fn fragment(&mut self, name: &'d Name) -> Result<Tally, Problem> {
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Tally::default()) };
        match self.fragments.get(name) {
            Some(Some(tally)) => return Ok(*tally),
            Some(None) => {
                let message = format!("fragment `{}` contains itself", shortened(name));
                return Err(Problem::new(ProblemCode::ValidationFailed, message).at(fragment.pos));
            }
            None => {}
        }
        self.fragments.insert(name, None);
        let tally = self.selection_set(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Some(tally));
        Ok(tally)
    }
}

fn directives(directives: &[Positioned<Directive>]) -> Result<usize, Problem> {
    for argument in directives.iter().flat_map(|directive| &directive.node.arguments) {
        check_literal(&argument.1.node).map_err(|problem| problem.at(argument.1.pos))?;
    }
    Ok(directives.len())
}

fn exceeded(what: &str, most: usize) -> Problem {
    Problem::new(ProblemCode::LimitExceeded, format!("one request may have at most {most} {what}"))
}

/// The parser's message without its drawing of the source, which may hold what a client would not want in a log.
fn first_line(message: &str) -> &str {
    message.lines().rev().find_map(|line| line.trim().strip_prefix("= ")).unwrap_or("syntax error")
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn defaults() -> Graphql {
        Config::from_toml("").unwrap().graphql
    }

    fn refused(text: &str) -> Option<(ProblemCode, String)> {
        parse(text, &defaults()).err().map(|problem| (problem.code, problem.message))
    }

    fn limit(what: &str, most: usize) -> Option<(ProblemCode, String)> {
        Some((ProblemCode::LimitExceeded, format!("one request may have at most {most} {what}")))
    }

    #[test]
    fn each_limit_holds_at_its_figure_and_not_one_beyond() {
        let repeat = |piece: &str, times: usize| piece.repeat(times);
        let nested = |levels: usize| format!("{}a{}", "{a".repeat(levels - 1) + "{", "}".repeat(levels));
        assert_eq!(refused(&nested(16)), None);
        assert_eq!(refused(&nested(17)), limit("levels of fields", 16));

        let aliases = |n: usize| format!("{{a {{ {} }}}}", (0..n).map(|i| format!("b{i}: b ")).collect::<String>());
        assert_eq!(refused(&aliases(30)), None);
        assert_eq!(refused(&aliases(31)), limit("aliases", 30));

        assert_eq!(refused(&format!("{{{}}}", repeat("a ", 20))), None);
        assert_eq!(refused(&format!("{{{}}}", repeat("a ", 21))), limit("fields at the root of an operation", 20));

        assert_eq!(refused(&format!("{{a {}}}", repeat("@x ", 20))), None);
        assert_eq!(refused(&format!("{{a {}}}", repeat("@x ", 21))), limit("directives", 20));

        assert_eq!(refused(&format!("{{a{{{}}}}}", repeat("b ", 4999))), None);
        assert_eq!(refused(&format!("{{a{{{}}}}}", repeat("b ", 5000))), limit("fields", 5000));

        let long = |bytes: usize| format!("{{a}}{}", " ".repeat(bytes - 3));
        assert_eq!(refused(&long(65_536)), None);
        assert_eq!(refused(&long(65_537)), limit("bytes in the document", 65_536));
    }

    #[test]
    fn a_few_fragments_that_expand_to_billions_of_fields_are_counted_and_refused() {
        let mut text = "{...F0}".to_owned();
        for level in 0..40 {
            text += &format!(" fragment F{level} on Query {{ a {{...F{next} ...F{next}}} }}", next = level + 1);
        }
        text += " fragment F40 on Query { a }";
        assert_eq!(refused(&text), limit("levels of fields", 16));
        let flat = text.replace("a {", "... {");
        assert_eq!(refused(&flat), limit("fields at the root of an operation", 20));
    }

    #[test]
    fn a_fragment_that_contains_itself_is_refused() {
        let (code, message) = refused("{...A} fragment A on Query {...B ...B} fragment B on Query {...A ...A}").unwrap();
        assert_eq!(code, ProblemCode::ValidationFailed);
        assert!(message.ends_with("contains itself"), "{message}");
    }

    #[test]
    fn brackets_are_counted_before_the_parser_recurses_and_strings_are_not_brackets() {
        for open in ["{", "[", "("] {
            assert_eq!(refused(&open.repeat(60_000)), limit("levels of brackets", 64));
        }
        assert_eq!(refused(&format!("{{a(b: \"{}\")}}", "{".repeat(100))), None);
        assert_eq!(refused(&format!("{{a(b: \"\"\"{}\\\"\"\" {{ \" \"\"\")}}", "{".repeat(100))), None);
        assert_eq!(refused(&format!("# {}\n{{a}}", "(".repeat(100))), None);
        assert_eq!(refused(&format!("{{a(b: \"\\\\\" c: {}", "[".repeat(100))), limit("levels of brackets", 64));
    }

    #[test]
    fn introspection_does_not_multiply_itself() {
        let nested =
            |levels: usize| format!("{{__schema{{types{{{}name{}", "fields{type{".repeat(levels), "}".repeat(2 * levels + 3));
        assert_eq!(refused(&nested(3)), None);
        assert_eq!(refused(&nested(4)), limit("lists of types inside each other", 3));
        let hidden = "{__type(name:\"A\"){...T}} fragment T on __Type {fields{type{...U}}} fragment U on __Type {fields{type{fields{type{fields{name}}}}}}";
        assert_eq!(refused(hidden), limit("lists of types inside each other", 3));
    }

    #[test]
    fn control_characters_in_literals_are_refused() {
        for text in [
            "{a(b: \"\\u0000\")}",
            "{a(b: [{c: \"x\\u0007\"}])}",
            "query($x: String = \"\\u0000\") {a(b: $x)}",
            "{a @x(y: \"\\u0000\")}",
        ] {
            assert_eq!(refused(text).map(|(code, _)| code), Some(ProblemCode::BadUserInput), "{text}");
        }
    }

    #[test]
    fn the_operation_is_the_one_that_is_named() {
        let document = parse("query A {a} mutation B {b}", &defaults()).unwrap();
        assert_eq!(
            operation(&document, Some("B"), &Map::new()).unwrap(),
            Asked { kind: OperationType::Mutation, name: Some("B".into()) }
        );
        assert_eq!(operation(&document, None, &Map::new()).unwrap_err().code, ProblemCode::OperationUnknown);
        assert_eq!(operation(&document, Some("C"), &Map::new()).unwrap_err().code, ProblemCode::OperationUnknown);
    }

    #[test]
    fn a_syntax_error_is_told_in_one_line_with_its_place() {
        let problem = parse("{", &defaults()).unwrap_err();
        assert_eq!(problem.code, ProblemCode::ParseFailed);
        assert!(problem.position.is_some());
        assert!(!problem.message.contains('\n'));
    }
}
