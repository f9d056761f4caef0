//! A folder that gets one file per message.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncWriteExt;

/// The folder, and the number of the next file. A number that is taken is passed over, so that a restart overwrites nothing.
pub(super) struct Spool {
    folder: PathBuf,
    extension: &'static str,
    next: AtomicU64,
}

impl Spool {
    pub(super) const fn new(folder: PathBuf, extension: &'static str) -> Self {
        Self { folder, extension, next: AtomicU64::new(1) }
    }

    /// Writes `text` into a new file that only its owner reads.
    pub(super) async fn put(&self, text: &str) -> io::Result<()> {
        tokio::fs::create_dir_all(&self.folder).await?;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let mut options = tokio::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            options.mode(0o600);
            match options.open(self.folder.join(format!("{number:06}.{}", self.extension))).await {
                Ok(mut file) => {
                    file.write_all(text.as_bytes()).await?;
                    return file.flush().await;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}
