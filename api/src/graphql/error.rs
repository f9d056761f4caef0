//! Errors at the edge. What the user can mend is a user error in the payload; what no payload can carry is a top-level
//! error with `extensions.code`; what only we can mend is masked, and logged once, here.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaEnumValue, MetaType, MetaTypeId, Registry};
use async_graphql::{
    Context, ContextSelectionSet, ErrorExtensions, Name, OutputType, Positioned, ServerResult, SimpleObject, TypeName, Value,
};
use domain::refusal::{Code, Refusal};

use super::caller;
use crate::app::AppError;

/// The codes that one mutation can answer. Made by [`mutation_errors!`](crate::mutation_errors).
pub trait MutationErrors: Send + Sync + 'static {
    /// The mutation, in Pascal case: `BidPlace`.
    const NAME: &'static str;
    /// Its codes.
    const CODES: &'static [Code];
}

/// Names the codes that a mutation can answer: `mutation_errors!(BidPlace: [NotFound, InsufficientFunds]);` declares
/// `BidPlace`, for `Vec<UserError<BidPlace>>` in the payload; in the schema these are `BidPlaceUserError` with
/// `BidPlaceErrorCode`.
#[macro_export]
macro_rules! mutation_errors {
    ($name:ident: [$($code:ident),+ $(,)?]) => {
        #[doc = concat!("The errors of `", stringify!($name), "`.")]
        #[derive(Debug)]
        pub struct $name;

        impl $crate::graphql::error::MutationErrors for $name {
            const NAME: &'static str = stringify!($name);
            const CODES: &'static [domain::refusal::Code] = &[$(domain::refusal::Code::$code),+];
        }
    };
}

/// One of a mutation's codes.
#[derive(Debug, Clone, Copy)]
pub struct ErrorCode<M>(Code, PhantomData<M>);

/// What is wrong with the input, and where.
#[derive(Debug, SimpleObject)]
#[graphql(name_type)]
pub struct UserError<M: MutationErrors> {
    /// What is wrong, for machines.
    pub code: ErrorCode<M>,
    /// What is wrong and what would be right, for people.
    pub message: String,
    /// Where in the input: field names and list indexes, outermost first.
    pub path: Vec<String>,
}

impl<M: MutationErrors> TypeName for UserError<M> {
    fn type_name() -> Cow<'static, str> {
        format!("{}UserError", M::NAME).into()
    }
}

#[async_graphql::async_trait::async_trait]
impl<M: MutationErrors> OutputType for ErrorCode<M> {
    fn type_name() -> Cow<'static, str> {
        format!("{}ErrorCode", M::NAME).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Enum, |_| MetaType::Enum {
            name: Self::type_name().into_owned(),
            description: Some(format!("Why `{}` was refused.", lower_first(M::NAME))),
            enum_values: M::CODES.iter().map(|code| (code.as_str().to_owned(), enum_value(*code))).collect::<IndexMap<_, _>>(),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: Some(std::any::type_name::<Self>()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        })
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Enum(Name::new(self.0.as_str())))
    }
}

/// Splits a use case's result into the payload's two halves: the value, or the user errors. What the caller may not do
/// at all, and what failed on our side, is a top-level error.
pub fn settle<T, M: MutationErrors>(
    ctx: &Context<'_>,
    result: Result<T, AppError>,
) -> async_graphql::Result<(Option<T>, Vec<UserError<M>>)> {
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(AppError::Refused(refusals)) => {
            let errors: Result<Vec<_>, _> = refusals.into_iter().map(|refusal| user_error(ctx, refusal)).collect();
            Ok((None, errors?))
        }
        Err(error) => Err(masked(ctx, &error)),
    }
}

/// The value of a query's use case; a refusal is a top-level error with its code.
pub fn answer<T>(ctx: &Context<'_>, result: Result<T, AppError>) -> async_graphql::Result<T> {
    result.map_err(|error| match error {
        AppError::Refused(refusals) => {
            let first = refusals.into_iter().next();
            first.map_or_else(|| masked(ctx, &AppError::internal("a refusal without a reason")), top_level)
        }
        other => masked(ctx, &other),
    })
}

/// A top-level error with the code of `refusal`.
#[must_use]
pub fn top_level(refusal: Refusal) -> async_graphql::Error {
    async_graphql::Error::new(refusal.message).extend_with(|_, extensions| {
        extensions.set("code", refusal.code.as_str());
        if !refusal.path.is_empty() {
            extensions.set("argument", refusal.path.join("."));
        }
    })
}

/// The error that a client sees of a fault of ours: the request's id, nothing else. The chain is logged here, once.
pub fn masked(ctx: &Context<'_>, error: &AppError) -> async_graphql::Error {
    let request_id = &caller(ctx).request_id;
    tracing::error!(request_id = %request_id, error = %error, "internal error");
    async_graphql::Error::new("something failed on our side").extend_with(|_, extensions| {
        extensions.set("code", "INTERNAL");
        extensions.set("requestId", request_id.to_string());
    })
}

fn user_error<M: MutationErrors>(ctx: &Context<'_>, refusal: Refusal) -> async_graphql::Result<UserError<M>> {
    if M::CODES.contains(&refusal.code) {
        let Refusal { code, message, path } = refusal;
        return Ok(UserError { code: ErrorCode(code, PhantomData), message, path });
    }
    match refusal.code {
        Code::Unauthenticated | Code::Forbidden | Code::EmailUnverified | Code::MoneyStopped | Code::Suspended => {
            Err(top_level(refusal))
        }
        code => Err(masked(ctx, &AppError::internal(format!("{} does not name the code {}", M::NAME, code.as_str())))),
    }
}

fn enum_value(code: Code) -> MetaEnumValue {
    MetaEnumValue {
        name: code.as_str().to_owned(),
        description: Some(code.description().trim().to_owned()),
        deprecation: async_graphql::registry::Deprecation::NoDeprecated,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        directive_invocations: Vec::new(),
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
