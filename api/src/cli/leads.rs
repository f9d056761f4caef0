//! `clearlead leads import` and `clearlead leads map`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use domain::id::OrganizationId;
use domain::mapping::{Candidate, FileFormat, Limits};
use domain::upload::UploadPurpose;
use domain::vertical::{Definition, starter_set};
use secrecy::ExposeSecret;

use super::imports::{exchange, finish, opened, put, told};
use super::{CommandError, print};
use crate::app::imports::{LeadsImport, import_queue, mapping_propose};
use crate::config::Config;

/// What to do with leads.
#[derive(Debug, Subcommand)]
pub(super) enum LeadsCommand {
    /// Imports a CSV file, plain or gzip, with a mapping.
    Import(ImportArguments),
    /// Proposes a mapping for a CSV file from its header and first rows.
    Map(MapArguments),
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The file.
    file: PathBuf,
    /// How its columns become leads: TOML or JSON.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// The organization whose leads these are: `org_...`.
    #[arg(long, value_name = "ORGANIZATION")]
    seller: OrganizationId,
    /// The database, where it is not the settings' one.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Writes the refused rows with line, column, code and reason to this file.
    #[arg(long, value_name = "FILE")]
    refusals: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct MapArguments {
    /// The file.
    file: PathBuf,
    /// The vertical; without it the one that the columns resemble most.
    #[arg(long, value_name = "PATH")]
    vertical: Option<String>,
    /// The database whose verticals count, where it is not the settings' one. Without any database the starter set does.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The encoding, where it is not found out: a label such as `windows-1251`.
    #[arg(long, value_name = "LABEL")]
    encoding: Option<String>,
    /// The delimiter, where it is not found out: `tab` or one character.
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<String>,
    /// Lines before the header.
    #[arg(long, value_name = "NUMBER")]
    skip_lines: Option<u32>,
}

pub(super) async fn leads(config: Config, command: LeadsCommand) -> Result<(), CommandError> {
    match command {
        LeadsCommand::Import(arguments) => Box::pin(import(config, arguments)).await,
        LeadsCommand::Map(arguments) => Box::pin(map(config, arguments)).await,
    }
}

async fn map(config: Config, arguments: MapArguments) -> Result<(), CommandError> {
    let limits = Limits { columns: config.imports.columns_max, cell_bytes: config.imports.field_max_bytes };
    let verticals = Box::pin(verticals(config, arguments.database_url)).await?;
    let known: Vec<&(String, Definition)> = verticals.iter().filter(|(_, definition)| !definition.group).collect();
    let wanted = |path: &str| arguments.vertical.as_deref().is_none_or(|wanted| wanted == path);
    let candidates: Vec<Candidate<'_>> =
        known.iter().filter(|(path, _)| wanted(path)).map(|(path, definition)| Candidate { path, definition }).collect();
    if candidates.is_empty() {
        let known: Vec<&str> = known.iter().map(|(path, _)| path.as_str()).collect();
        return Err(CommandError::new(format!("no such vertical; there are {}", known.join(", "))));
    }
    let usual = FileFormat::default();
    let format = FileFormat {
        encoding: arguments.encoding.unwrap_or_else(|| usual.encoding.clone()),
        delimiter: arguments.delimiter.unwrap_or_else(|| usual.delimiter.clone()),
        skip_lines: arguments.skip_lines.unwrap_or(usual.skip_lines),
        ..usual
    };
    let file = opened(&arguments.file)?;
    let size = file.metadata()?.len();
    print(&mapping_propose(Box::new(file), size, &format, limits, &candidates).map_err(told)?)
}

/// The verticals of the exchange whose database is told or there; the starter set otherwise.
async fn verticals(config: Config, database_url: Option<String>) -> Result<Vec<(String, Definition)>, CommandError> {
    let settled = config.database.resolved_url(&config.server);
    let file = settled.expose_secret().strip_prefix("sqlite:").map(|path| path.split('?').next().unwrap_or(path));
    let is_there = file.is_none_or(|path| Path::new(path.trim_start_matches("//")).exists());
    if database_url.is_none() && !is_there {
        let starters = starter_set()?.into_iter();
        return Ok(starters.map(|vertical| (vertical.path.as_str().to_owned(), vertical.definition)).collect());
    }
    let app = exchange(config, database_url).await?;
    let verticals = app.store.verticals().await?.into_iter();
    let verticals = verticals.map(|vertical| (vertical.path.as_str().to_owned(), vertical.definition)).collect();
    app.store.close().await?;
    Ok(verticals)
}

async fn import(config: Config, arguments: ImportArguments) -> Result<(), CommandError> {
    let mapping = std::fs::read_to_string(&arguments.mapping)
        .map_err(|error| CommandError::new(format!("{}: {error}", arguments.mapping.display())))?;
    let app = exchange(config, arguments.database_url).await?;
    let seller = arguments.seller;
    if app.store.organization(seller).await?.is_none() {
        return Err(CommandError::new(format!("there is no organization {seller}")));
    }
    let upload = put(&app, Some(seller), UploadPurpose::Leads, &arguments.file).await?;
    let queued = import_queue(&app, seller, None, LeadsImport { upload, mapping }).await.map_err(told)?;
    finish(&app, &queued, arguments.refusals.as_deref()).await
}
