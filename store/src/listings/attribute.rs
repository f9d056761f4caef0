//! Conditions on a lead's attributes, a JSON object, in the words of each database.

use domain::vertical::AttributeValue;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{Condition, Value};

use crate::db::Backend;

/// What a buyer asks of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFilter {
    /// The attribute's key.
    pub key: String,
    /// What its value must be.
    pub test: AttributeTest,
}

/// What an attribute's value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeTest {
    /// One of these; an attribute with several values needs one of them.
    In(Vec<AttributeValue>),
    /// From `min` to `max`, both included: numbers or dates.
    Range {
        /// The least.
        min: Option<AttributeValue>,
        /// The greatest.
        max: Option<AttributeValue>,
    },
    /// Not given (`true`), or given (`false`).
    Missing(bool),
}

impl AttributeFilter {
    /// The condition on the table `lead`.
    pub(super) fn condition(&self, backend: Backend) -> Condition {
        match &self.test {
            AttributeTest::In(values) => {
                values.iter().fold(Condition::any(), |any, value| any.add(self.holds(backend, "=", value)))
            }
            AttributeTest::Range { min, max } => Condition::all()
                .add_option(min.as_ref().map(|least| self.holds(backend, ">=", least)))
                .add_option(max.as_ref().map(|greatest| self.holds(backend, "<=", greatest))),
            AttributeTest::Missing(missing) => {
                let null = if *missing { "IS NULL" } else { "IS NOT NULL" };
                Condition::all().add(match backend {
                    Backend::Postgres => custom(format!("(lead.attributes -> $1) {null}"), [self.key.clone().into()]),
                    Backend::Sqlite => custom(format!("json_extract(lead.attributes, ?) {null}"), [self.path().into()]),
                })
            }
        }
    }

    /// `value OP given`, false for a value of another type. Dates are ISO texts, which sort as days.
    fn holds(&self, backend: Backend, operator: &str, given: &AttributeValue) -> SimpleExpr {
        let (postgres_type, sqlite_type, given): (&str, &str, Value) = match given {
            AttributeValue::Bool(true) => ("boolean", "true", true.into()),
            AttributeValue::Bool(false) => ("boolean", "false", false.into()),
            AttributeValue::Int(number) => ("bigint", "integer", (*number).into()),
            AttributeValue::Date(day) => ("text", "text", day.to_string().into()),
            AttributeValue::Text(text) => ("text", "text", text.clone().into()),
        };
        match (backend, operator) {
            (Backend::Postgres, "=") => {
                let sql = format!("(lead.attributes -> $1) @> to_jsonb(CAST($2 AS {postgres_type}))");
                custom(sql, [self.key.clone().into(), given])
            }
            (Backend::Postgres, _) => {
                let (json_type, sql_type, collate) =
                    if postgres_type == "bigint" { ("number", "numeric", "") } else { ("string", "text", " COLLATE \"C\"") };
                let sql = format!(
                    "CASE WHEN jsonb_typeof(lead.attributes -> $1) = '{json_type}' \
                     THEN CAST(lead.attributes ->> $1 AS {sql_type}){collate} {operator} CAST($2 AS {sql_type}) ELSE FALSE END"
                );
                custom(sql, [self.key.clone().into(), given])
            }
            (Backend::Sqlite, _) => {
                let sql = format!(
                    "EXISTS (SELECT 1 FROM json_each(lead.attributes, ?) AS found \
                     WHERE found.type = '{sqlite_type}' AND found.value {operator} ?)"
                );
                custom(sql, [self.path().into(), given])
            }
        }
    }

    fn path(&self) -> String {
        format!("$.\"{}\"", self.key)
    }
}

fn custom<const N: usize>(sql: String, values: [Value; N]) -> SimpleExpr {
    Expr::cust_with_values(sql, values)
}
