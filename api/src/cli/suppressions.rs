//! `clearlead suppressions import`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::upload::UploadPurpose;

use super::CommandError;
use super::imports::{exchange, finish, put, told};
use crate::app::imports::{List, SuppressionFileImport, list_queue};
use crate::config::Config;

/// What to do with the do-not-contact list.
#[derive(Debug, Subcommand)]
pub(super) enum SuppressionsCommand {
    /// Adds the people of a CSV file, plain or gzip: a phone number, an e-mail address or the SHA-256 of one a row.
    Import(ImportArguments),
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The file.
    file: PathBuf,
    /// Why these people are on the list.
    #[arg(long)]
    reason: String,
    /// Where the list comes from.
    #[arg(long)]
    source: String,
    /// The column, by its name in the header or by its place such as `#2`; the first one otherwise.
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// The country of phone numbers without a country code, such as `PT`.
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    /// The encoding, where it is not found out: a label such as `windows-1251`.
    #[arg(long, value_name = "LABEL")]
    encoding: Option<String>,
    /// The delimiter, where it is not found out: `tab` or one character.
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<String>,
    /// The database, where it is not the settings' one.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Writes the refused rows with line, column, code and reason to this file.
    #[arg(long, value_name = "FILE")]
    refusals: Option<PathBuf>,
}

pub(super) async fn suppressions(config: Config, command: SuppressionsCommand) -> Result<(), CommandError> {
    let SuppressionsCommand::Import(arguments) = command;
    let app = exchange(config, arguments.database_url).await?;
    let upload = put(&app, None, UploadPurpose::Suppressions, &arguments.file).await?;
    let list = List {
        column: arguments.column,
        delimiter: arguments.delimiter,
        encoding: arguments.encoding,
        country: arguments.country,
        reason: arguments.reason,
        source: arguments.source,
    };
    let queued = list_queue(&app, None, SuppressionFileImport { upload, list }).await.map_err(told)?;
    finish(&app, &queued, arguments.refusals.as_deref()).await
}
