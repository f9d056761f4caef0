//! Hosted forms, as their sellers design them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::TextEnum;
use domain::form::{Form, FormContent, FormField, FormStep, FormTexts};
use domain::lead::{Audience, Interest, SourceKind};
use domain::vertical::Labels;
use uuid::Uuid;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::word::Word;
use super::{app, caller};
use crate::app::App;
use crate::app::forms::{self, FormCreate as NewForm, FormUpdate as ChangedForm};
use crate::mutation_errors;

/// Queries about forms.
#[derive(Debug, Default)]
pub struct FormQuery;

/// Mutations of forms.
#[derive(Debug, Default)]
pub struct FormMutation;

mutation_errors!(FormCreate: [Invalid, Required, TooLarge, Taken, LimitReached, NotFound]);
mutation_errors!(FormUpdate: [Invalid, Required, TooLarge, Taken, NotFound, WrongState]);
mutation_errors!(FormPublish: [Invalid, Required, TooLarge, Taken, NotFound, WrongState]);
mutation_errors!(FormDisable: [Invalid, NotFound]);

/// A form that the exchange shows for its seller.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Form")]
pub struct FormObject {
    /// The id.
    pub id: ID,
    /// What it is for.
    pub name: String,
    /// The path of its vertical.
    pub vertical: String,
    /// Where it is shown, to be linked to. `?lang=` and a tag choose the language.
    pub address: String,
    /// The script that embeds it, for `<script src="..." async></script>`.
    pub embed_address: String,
    /// What its next version says and asks.
    pub draft: FormContentObject,
    /// The version that is shown; null before the first is published.
    pub published_version: Option<i32>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// The last change.
    pub updated_at: DateTime<Utc>,
    /// Since when it takes nothing any more.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// What a form says and asks.
#[derive(Debug, Clone, SimpleObject, InputObject)]
#[graphql(name = "FormContent", input_name = "FormContentInput")]
pub struct FormContentObject {
    /// Its words by language, at most 20; the first is shown where none fits.
    pub texts: Vec<FormTextsObject>,
    /// Your version of the words of the consent, at most 120 characters.
    pub consent_version: String,
    /// What is asked, step by step; at most 10 steps and 60 fields.
    pub steps: Vec<FormStepObject>,
    /// For whom the leads stand.
    pub audience: Word<Audience>,
    /// What a person wants who is not asked for `interest`.
    pub interest: Word<Interest>,
    /// Where those come from who see the form.
    pub source: Word<SourceKind>,
    /// The country of those who are not asked for `country`: ISO 3166-1 alpha-2. It also reads phone numbers without a country code.
    pub country: Option<String>,
    /// The colour of the button, such as "#0a5c36".
    pub theme_color: String,
    /// The origins of the pages on which it may be embedded, such as "https://tours.example"; at most 20.
    pub origins: Vec<String>,
}

/// A form's words in one language.
#[derive(Debug, Clone, SimpleObject, InputObject)]
#[graphql(name = "FormTexts", input_name = "FormTextsInput")]
pub struct FormTextsObject {
    /// The language: a BCP 47 tag such as "en", "pt-BR" or "ar".
    pub language: String,
    /// The title, at most 120 characters.
    pub title: String,
    /// What is offered, at most 4,000 characters.
    pub offer: String,
    /// What the person agrees to, from 20 to 4,000 characters.
    pub consent: String,
    /// On the button; a usual word where nothing is said.
    pub call_to_action: Option<String>,
    /// What is said in the end; the usual where nothing is said.
    pub thanks: Option<String>,
}

/// Questions that stand together.
#[derive(Debug, Clone, SimpleObject, InputObject)]
#[graphql(name = "FormStep", input_name = "FormStepInput")]
pub struct FormStepObject {
    /// Its titles.
    pub titles: Vec<FormLabel>,
    /// The questions.
    pub fields: Vec<FormFieldObject>,
}

/// One question.
#[derive(Debug, Clone, SimpleObject, InputObject)]
#[graphql(name = "FormField", input_name = "FormFieldInput")]
pub struct FormFieldObject {
    /// What is asked: the key of an attribute of the vertical, or `name`, `phone`, `email`, `company`, `position`, `age`, `country`,
    /// `region`, `city`, `postal_code`, `interest`, `comments` or `call_me_at`.
    pub key: String,
    /// Whether it must be answered. What the vertical requires must be, whatever is said here.
    pub required: bool,
    /// Its labels; those of the vertical, or the usual ones, where nothing is said.
    pub labels: Vec<FormLabel>,
}

/// A text in one language.
#[derive(Debug, Clone, SimpleObject, InputObject)]
#[graphql(name = "FormLabel", input_name = "FormLabelInput")]
pub struct FormLabel {
    /// The language: a BCP 47 tag.
    pub language: String,
    /// The text, at most 120 characters.
    pub text: String,
}

impl FormObject {
    /// As the exchange shows it under its own address.
    pub(super) fn new(app: &App, form: Form) -> Self {
        let base = &app.config.server.public_url;
        Self {
            address: format!("{base}/f/{}", form.id),
            embed_address: format!("{base}/f/{}/embed.js", form.id),
            id: to_id(form.id),
            name: form.name,
            vertical: form.vertical,
            draft: form.draft.mirror(),
            published_version: form.published_version.map(|version| i32::try_from(version).unwrap_or(i32::MAX)),
            created_at: form.created_at,
            updated_at: form.updated_at,
            disabled_at: form.disabled_at,
        }
    }
}

/// What stands in the graph under the same names as in the domain, taken over both ways.
trait Mirror<T> {
    fn mirror(self) -> T;
}

/// A value that is the same on both sides.
macro_rules! same {
    ($($kind:ty),*) => {
        $(impl Mirror<$kind> for $kind {
            fn mirror(self) -> Self {
                self
            }
        })*
    };
}

same!(String, Option<String>, bool);

impl<E: TextEnum> Mirror<E> for Word<E> {
    fn mirror(self) -> E {
        self.0
    }
}

impl<E: TextEnum> Mirror<Word<E>> for E {
    fn mirror(self) -> Word<E> {
        Word(self)
    }
}

impl<T, U: Mirror<T>> Mirror<Vec<T>> for Vec<U> {
    fn mirror(self) -> Vec<T> {
        self.into_iter().map(Mirror::mirror).collect()
    }
}

impl Mirror<Labels> for Vec<FormLabel> {
    fn mirror(self) -> Labels {
        self.into_iter().map(|FormLabel { language, text }| (language, text)).collect()
    }
}

impl Mirror<Vec<FormLabel>> for Labels {
    fn mirror(self) -> Vec<FormLabel> {
        self.into_iter().map(|(language, text)| FormLabel { language, text }).collect()
    }
}

/// Both ways between a type of the graph and one of the domain whose fields have the same names.
macro_rules! mirrors {
    ($object:ident, $content:ident { $($field:ident),* }) => {
        impl Mirror<$content> for $object {
            fn mirror(self) -> $content {
                let Self { $($field),* } = self;
                $content { $($field: $field.mirror()),* }
            }
        }

        impl Mirror<$object> for $content {
            fn mirror(self) -> $object {
                let Self { $($field),* } = self;
                $object { $($field: $field.mirror()),* }
            }
        }
    };
}

mirrors!(FormTextsObject, FormTexts { language, title, offer, consent, call_to_action, thanks });
mirrors!(FormFieldObject, FormField { key, required, labels });
mirrors!(FormStepObject, FormStep { titles, fields });
mirrors!(
    FormContentObject,
    FormContent { texts, consent_version, steps, audience, interest, source, country, theme_color, origins }
);

/// A form to make.
#[derive(Debug, InputObject)]
pub struct FormCreateInput {
    /// What it is for, at most 120 characters.
    pub name: String,
    /// The path of its vertical, such as "travel/tour".
    pub vertical: String,
    /// What it says and asks.
    pub content: FormContentObject,
}

/// A form to change; what is absent stays.
#[derive(Debug, InputObject)]
pub struct FormUpdateInput {
    /// Which.
    pub form_id: ID,
    /// What it is for.
    pub name: Option<String>,
    /// What its next version says and asks.
    pub content: Option<FormContentObject>,
}

/// A form to publish.
#[derive(Debug, InputObject)]
pub struct FormPublishInput {
    /// Which.
    pub form_id: ID,
}

/// A form to disable.
#[derive(Debug, InputObject)]
pub struct FormDisableInput {
    /// Which.
    pub form_id: ID,
}

/// The answer of `formCreate`.
#[derive(Debug, SimpleObject)]
pub struct FormCreatePayload {
    /// The form.
    pub form: Option<FormObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<FormCreate>>,
}

/// The answer of `formUpdate`.
#[derive(Debug, SimpleObject)]
pub struct FormUpdatePayload {
    /// The form as it is now.
    pub form: Option<FormObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<FormUpdate>>,
}

/// The answer of `formPublish`.
#[derive(Debug, SimpleObject)]
pub struct FormPublishPayload {
    /// The form as it is now.
    pub form: Option<FormObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<FormPublish>>,
}

/// The answer of `formDisable`.
#[derive(Debug, SimpleObject)]
pub struct FormDisablePayload {
    /// The form as it is now.
    pub form: Option<FormObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<FormDisable>>,
}

#[Object]
impl FormQuery {
    /// The forms of the caller's organization, disabled ones too, oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn forms(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<FormObject>> {
        let page = page::<Uuid>("forms:oldest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, forms::forms(app(ctx), caller(ctx), &page).await)?;
        let shown = |form| FormObject::new(app(ctx), form);
        Ok(connection("forms:oldest", slice, page.after.is_some(), |row| row.id.0, shown))
    }
}

#[Object]
impl FormMutation {
    /// Makes a form for a vertical. Nobody sees it before `formPublish`.
    async fn form_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FormCreateInput,
    ) -> async_graphql::Result<FormCreatePayload> {
        let new = NewForm { name: input.name, vertical: input.vertical, content: input.content.mirror() };
        let (form, user_errors) = settle(ctx, forms::form_create(app(ctx), caller(ctx), new).await)?;
        Ok(FormCreatePayload { form: form.map(|form| FormObject::new(app(ctx), form)), user_errors })
    }

    /// Gives a form another name, or its next version other content. What is published stays as it is.
    async fn form_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FormUpdateInput,
    ) -> async_graphql::Result<FormUpdatePayload> {
        let result = match parse_id(&input.form_id, "formId") {
            Ok(form) => {
                let change = ChangedForm { form, name: input.name, content: input.content.map(Mirror::mirror) };
                forms::form_update(app(ctx), caller(ctx), change).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (form, user_errors) = settle(ctx, result)?;
        Ok(FormUpdatePayload { form: form.map(|form| FormObject::new(app(ctx), form)), user_errors })
    }

    /// Makes the draft the next version: it is shown from now on and never changes, since certificates of consent refer to it.
    async fn form_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FormPublishInput,
    ) -> async_graphql::Result<FormPublishPayload> {
        let result = match parse_id(&input.form_id, "formId") {
            Ok(form) => forms::form_publish(app(ctx), caller(ctx), form).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (form, user_errors) = settle(ctx, result)?;
        Ok(FormPublishPayload { form: form.map(|form| FormObject::new(app(ctx), form)), user_errors })
    }

    /// Lets a form take nothing more, for good. Its certificates stay.
    async fn form_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: FormDisableInput,
    ) -> async_graphql::Result<FormDisablePayload> {
        let result = match parse_id(&input.form_id, "formId") {
            Ok(form) => forms::form_disable(app(ctx), caller(ctx), form).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (form, user_errors) = settle(ctx, result)?;
        Ok(FormDisablePayload { form: form.map(|form| FormObject::new(app(ctx), form)), user_errors })
    }
}
