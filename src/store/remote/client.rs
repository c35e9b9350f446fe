//! Clients of buckets, made from what the environment says.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::list::PaginatedListStore;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};

use super::Access;
use super::wire::Connector;
use crate::store::location::Cloud;

/// What talks to one bucket.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// Its objects.
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Its listings, by literal prefixes.
    pub(super) pages: Arc<Pages>,
}

/// A store that lists pages.
pub(super) struct Pages(pub(super) Box<dyn PaginatedListStore>);

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pages")
    }
}

/// The client of a bucket. All stores in a bucket share one, with its connections.
pub(super) fn client(cloud: Cloud, bucket: &str, access: &Access) -> object_store::Result<Client> {
    type Known = Mutex<Option<HashMap<(Cloud, String, Access), Client>>>;
    static KNOWN: Known = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    let what = (cloud, bucket.to_owned(), access.clone());
    if let Some(client) = known.get(&what) {
        return Ok(client.clone());
    }
    let client = build(cloud, bucket, access)?;
    known.insert(what, client.clone());
    Ok(client)
}

fn build(cloud: Cloud, bucket: &str, access: &Access) -> object_store::Result<Client> {
    // Where another crate has chosen already, that choice stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cloud {
        Cloud::S3 => {
            let mut builder = AmazonS3Builder::new();
            for (key, value) in settings::<AmazonS3ConfigKey>(access, "AWS_") {
                builder = builder.with_config(key, value);
            }
            let options = options(access, "AWS_", |key| {
                builder.get_config_value(&AmazonS3ConfigKey::Client(key))
            });
            // TLS proves what arrives, and what does not leave the machine needs no proof.
            let proven = plain(access, "AWS_").is_none_or(is_loopback);
            if proven && value(access, "AWS_UNSIGNED_PAYLOAD").is_none() {
                builder = builder.with_unsigned_payload(true);
            }
            let store = builder
                .with_bucket_name(bucket)
                .with_client_options(options)
                .with_retry(retries())
                .with_http_connector(Connector)
                // We remove one object at a time, which needs no body and no sum of it.
                .with_disable_bulk_delete(true)
                .build()?;
            Ok(of(store))
        }
        Cloud::Google => {
            let mut builder = GoogleCloudStorageBuilder::new();
            if let Some(path) = value(access, "SERVICE_ACCOUNT") {
                builder = builder.with_service_account_path(path);
            }
            for (key, value) in settings::<GoogleConfigKey>(access, "GOOGLE_") {
                builder = builder.with_config(key, value);
            }
            let options = options(access, "GOOGLE_", |key| {
                builder.get_config_value(&GoogleConfigKey::Client(key))
            });
            let store = builder
                .with_bucket_name(bucket)
                .with_client_options(options)
                .with_retry(retries())
                .with_http_connector(Connector)
                .build()?;
            Ok(of(store))
        }
        Cloud::Azure => {
            let mut builder = MicrosoftAzureBuilder::new();
            for (key, value) in settings::<AzureConfigKey>(access, "AZURE_") {
                builder = builder.with_config(key, value);
            }
            if let Some(url) = value(access, "IDENTITY_ENDPOINT") {
                builder = builder.with_msi_endpoint(url);
            }
            let options = options(access, "AZURE_", |key| {
                builder.get_config_value(&AzureConfigKey::Client(key))
            });
            let store = builder
                .with_container_name(bucket)
                .with_client_options(options)
                .with_retry(retries())
                .with_http_connector(Connector)
                .build()?;
            Ok(of(store))
        }
    }
}

fn of<S: ObjectStore + PaginatedListStore + Clone>(store: S) -> Client {
    Client { objects: Arc::new(store.clone()), pages: Arc::new(Pages(Box::new(store))) }
}

/// The variables that a client knows, as `from_env` of the clients reads them.
fn settings<'a, K: FromStr>(
    access: &'a Access,
    prefix: &'a str,
) -> impl Iterator<Item = (K, &'a str)> {
    access
        .iter()
        .filter(move |(name, _)| name.starts_with(prefix))
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)))
}

/// How connections are made. `said` gives what the environment says of them.
fn options(
    access: &Access,
    prefix: &str,
    said: impl Fn(ClientConfigKey) -> Option<String>,
) -> ClientOptions {
    // Who gives an address without TLS means it. Then certificates are not read either, for which
    // a machine without any would refuse.
    let plain = plain(access, prefix).is_some();
    let mut options = ClientOptions::new()
        .with_connect_timeout(Duration::from_secs(5))
        // Between two pieces; as a whole a large object takes what it takes.
        .with_read_timeout(Duration::from_secs(60))
        .with_timeout_disabled()
        .with_pool_idle_timeout(Duration::from_secs(60))
        .with_no_system_certificates(plain);
    for key in [
        ClientConfigKey::AllowHttp,
        ClientConfigKey::AllowInvalidCertificates,
        ClientConfigKey::ProxyUrl,
        ClientConfigKey::ProxyCaCertificate,
        ClientConfigKey::ProxyExcludes,
    ] {
        if let Some(value) = said(key) {
            options = options.with_config(key, value);
        }
    }
    if plain { options.with_allow_http(true) } else { options }
}

/// The variables that say where a cloud's stores are.
const ADDRESSES: [&str; 6] = [
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "GOOGLE_BASE_URL",
];

/// The address that the environment gives where it is one without TLS.
fn plain<'a>(access: &'a Access, prefix: &str) -> Option<&'a str> {
    let of_cloud = |name: &&&str| name.starts_with(prefix);
    ADDRESSES.iter().filter(of_cloud).find_map(|name| value(access, name)?.strip_prefix("http://"))
}

/// The value of a variable.
fn value<'a>(access: &'a Access, name: &str) -> Option<&'a str> {
    access.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
}

fn is_loopback(address: &str) -> bool {
    ["127.", "localhost", "[::1]"].iter().any(|host| address.starts_with(host))
}

/// A store that is throttled for a minute is waited for; one that is gone is not waited for longer.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(10),
            base: 2.0,
        },
        max_retries: 12,
        retry_timeout: Duration::from_secs(120),
    }
}
