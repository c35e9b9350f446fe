//! Where objects are read from and outputs are written to.
//!
//! A [`Location`] is a base: a folder (`out`, `/a/b`, `file:///a/b`), a part of a bucket
//! (`s3://bucket/dir`, `gs://bucket/dir`, `az://container/dir`) or nothing at all (`null://1m`, to
//! measure the harness without a disk). A [`Store`] reads and writes the objects below it; an
//! object's key is what follows the base, with `/` between its parts.
//!
//! An output appears **whole or not at all**, over what may have been there, also where the process
//! is killed meanwhile:
//! - in a folder it gets its name when it is complete, by a link or by renaming;
//! - in a bucket it is one request, or the one that completes an upload of several parts. An upload
//!   that a killed process left is invisible, but stays until the bucket's lifecycle rule
//!   (`AbortIncompleteMultipartUpload`) ends it.
//!
//! Where an object cannot be told apart from another, it is refused by name and nothing else is
//! touched: a key never leads out of its base, and a key that a bucket's client would change (`a//b`,
//! `../a`, `/a`) is set aside in its [`Listing`].
//!
//! Folders have code of their own, since a job of small files is bound by its calls to the system:
//! this takes about a third of the time that the general client needs.
//!
//! What buckets are reached by comes from the environment:
//!
//! | | address | credentials |
//! | --- | --- | --- |
//! | `s3://` | `AWS_ENDPOINT_URL` (or `_S3`), `AWS_REGION` | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`; those of the container or the machine; `AWS_SKIP_SIGNATURE=true` for none |
//! | `gs://` | `GOOGLE_BASE_URL` | `GOOGLE_APPLICATION_CREDENTIALS`, `GOOGLE_SERVICE_ACCOUNT_KEY`; those of the machine; `GOOGLE_SKIP_SIGNATURE=true` for none |
//! | `az://` | `AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ENDPOINT` | `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_STORAGE_SAS_KEY`; `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_CLIENT_SECRET`; those of the machine; `AZURE_SKIP_SIGNATURE=true` for none |
//!
//! and every other variable that [object_store] knows. Profiles in files are not read. An address
//! that begins with `http://` is taken as it is; `AWS_ALLOW_HTTP` and its like need not be set.
//! Proxies come from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, certificates from the system or
//! `SSL_CERT_FILE`. Throttling, server errors and broken connections are tried again for two
//! minutes, ever more slowly; a server that was never reached for about a second.
//!
//! [object_store]: https://docs.rs/object_store

mod folder;
mod handle;
mod key;
mod listing;
mod location;
mod null;
mod remote;
mod writer;

pub use self::handle::{Body, Store};
pub use self::listing::Listing;
pub use self::location::Location;
pub use self::remote::Access;
pub use self::writer::Writer;

use crate::error::Error;

/// The error for an object that is larger than may be read.
fn too_large(key: &str, limit: u64) -> Error {
    Error::malformed(key, format!("larger than the limit of {limit} bytes"))
}
