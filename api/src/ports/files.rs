//! Where uploads and evidence are kept.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;

use crate::config::ConfigError;

/// A folder or a bucket.
pub type Files = Arc<dyn ObjectStore>;

/// Opens what `files.url` names: a folder, which is made when it is missing, or a URL that object_store knows, with
/// credentials from the environment's `AWS_` variables.
pub fn file_store(url: &str) -> Result<Files, ConfigError> {
    let trouble = |what: String| ConfigError(vec![format!("files.url: {what}")]);
    if !url.contains("://") {
        std::fs::create_dir_all(url).map_err(|error| trouble(format!("the folder cannot be made: {error}")))?;
        let folder = LocalFileSystem::new_with_prefix(url).map_err(|error| trouble(error.to_string()))?;
        return Ok(Arc::new(folder));
    }
    let url = url::Url::parse(url).map_err(|error| trouble(error.to_string()))?;
    let credentials =
        std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).map(|(name, value)| (name.to_lowercase(), value));
    let (store, prefix) = object_store::parse_url_opts(&url, credentials).map_err(|error| trouble(error.to_string()))?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::path::Path;

    use super::*;

    #[tokio::test]
    async fn a_folder_is_made_and_a_bucket_is_a_setting() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        let files = file_store(folder.to_str().unwrap()).unwrap();
        files.put(&Path::from("x/y"), "z".into()).await.unwrap();
        assert_eq!(std::fs::read(folder.join("x/y")).unwrap(), b"z");
        assert!(file_store("s3://bucket/prefix").is_ok());
        assert!(file_store("nowhere://bucket").is_err());
    }
}
