//! `clearlead schema`

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, print};

#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Writes it to this file instead.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Fails unless this file holds exactly this schema.
    #[arg(long, value_name = "FILE", conflicts_with = "write")]
    check: Option<PathBuf>,
}

pub(super) fn schema(arguments: &SchemaArguments) -> Result<(), CommandError> {
    let sdl = crate::graphql::sdl();
    match (&arguments.write, &arguments.check) {
        (Some(file), _) => Ok(std::fs::write(file, sdl)?),
        (None, Some(file)) if std::fs::read_to_string(file)? == sdl => Ok(()),
        (None, Some(file)) => {
            Err(CommandError::new(format!("{} is not this schema; `clearlead schema --write` makes it so", file.display())))
        }
        (None, None) => print(&sdl),
    }
}
