//! What the parties of a quarrel can show besides words: notes of calls, and the seller's record of the form.

use bytes::Bytes;
use domain::id::UploadId;
use domain::upload::UploadPurpose;
use futures::stream;

use super::DemoError;
use super::dice::Dice;
use super::market::Market;
use crate::app::Caller;
use crate::app::dispute::Shown;
use crate::app::uploads::{UploadCreate, UploadProof, upload_create, upload_put};

/// Claims and answers, of 1,000, that come with a file.
const WITH_FILE_PER_MILLE: u32 = 300;

impl Market<'_> {
    /// A statement, now and then with a file.
    pub(crate) async fn shown(&mut self, who: &Caller, statement: String, dice: &mut Dice) -> Result<Shown, DemoError> {
        let files = if dice.chance(WITH_FILE_PER_MILLE) { vec![self.exhibit(who, &statement).await?] } else { Vec::new() };
        Ok(Shown { statement: Some(statement), files })
    }

    /// A file of evidence, put as any client puts one.
    pub(crate) async fn exhibit(&mut self, who: &Caller, statement: &str) -> Result<UploadId, DemoError> {
        // Nothing in it names the person: the file is as made up as the rest.
        let text = format!("{} Noted on {}.\n", statement, self.app.now().format("%Y-%m-%d at %H:%M UTC"));
        let create = UploadCreate { purpose: UploadPurpose::Evidence, file_name: "notes.txt".to_owned() };
        let awaited = upload_create(self.app, who, create).await?;
        let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from(text))]);
        let upload = upload_put(self.app, &UploadProof::Token(awaited.token), awaited.upload.upload.id, None, body).await?;
        self.findings.exhibits = self.findings.exhibits.saturating_add(1);
        Ok(upload.id)
    }
}
