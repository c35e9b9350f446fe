//! A server of the S3 API over a folder, and what goes wrong on the way to one.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use plimsoll::store::Access;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const KEY: &str = "plimsoll";
const SECRET: &str = "under-the-line";

/// What happens to a request instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// 503, as S3 throttles.
    SlowDown,
    /// 500.
    Internal,
    /// The connection is closed once the request is read.
    Closed,
    /// The answer's body ends in its middle, with the connection.
    Cut,
}

/// A server that ends with its value. Each has its own buckets.
pub(crate) struct Server {
    /// Its address, `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    root: tempfile::TempDir,
    shared: Arc<Shared>,
    // Holds its threads.
    _runtime: Runtime,
}

/// What the server and the test both see.
#[derive(Default)]
struct Shared {
    requests: AtomicUsize,
    faults: Mutex<Vec<(usize, Fault)>>,
    // How many requests of each method there were.
    counts: Mutex<HashMap<String, usize>>,
    // Entries that every listing has besides those of the folder.
    extra: Mutex<String>,
    root: PathBuf,
    // Objects whose keys are longer than a folder can hold.
    long: Mutex<HashMap<String, Bytes>>,
}

/// Bytes of a path that the file server can still hold; it makes one name out of it.
const LONGEST: usize = 150;

impl Server {
    /// Starts one without buckets.
    pub(crate) fn start() -> Self {
        let root = tempfile::tempdir_in(super::scratch()).unwrap();
        let files = s3s_fs::FileSystem::new(root.path()).unwrap();
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let shared = Arc::new(Shared { root: root.path().into(), ..Default::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, service, Arc::clone(&shared)));
        Self { url, root, shared, _runtime: runtime }
    }

    /// Makes a bucket, which is a folder: what lies in it are its objects.
    pub(crate) fn bucket(&self, name: &str) -> PathBuf {
        let folder = self.root.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The folder that its buckets are in.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The variables that lead a program to it.
    pub(crate) fn env(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
            ("AWS_REGION", "us-east-1".into()),
        ]
    }

    /// [`Server::env`] for a store.
    pub(crate) fn access(&self) -> Access {
        self.access_with(&[])
    }

    /// The same, but for some variables.
    pub(crate) fn access_with(&self, other: &[(&str, &str)]) -> Access {
        let mut all: HashMap<&str, String> = self.env().into_iter().collect();
        all.extend(other.iter().map(|&(name, value)| (name, value.to_owned())));
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Has every `n`-th request fail; several faults take turns.
    pub(crate) fn fails(&self, every: usize, faults: &[Fault]) {
        let faults = faults.iter().map(|&fault| (every, fault)).collect();
        *self.shared.faults.lock().unwrap() = faults;
    }

    /// Adds a key to every listing that no folder could hold.
    pub(crate) fn lists(&self, key: &str, size: usize) {
        let entry = format!(
            "<Contents><Key>{key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified>\
             <Size>{size}</Size></Contents>"
        );
        self.shared.extra.lock().unwrap().push_str(&entry);
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// How many requests there were of one method.
    pub(crate) fn requests_of(&self, method: &str) -> usize {
        self.shared.counts.lock().unwrap().get(method).copied().unwrap_or(0)
    }
}

type Body = UnsyncBoxBody<Bytes, Broken>;

/// Why an answer ends early.
#[derive(Debug)]
struct Broken(String);

impl Broken {
    fn by(cause: impl std::fmt::Debug) -> Self {
        Self(format!("{cause:?}"))
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

async fn serve(listener: TcpListener, service: S3Service, shared: Arc<Shared>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let _ = socket.set_nodelay(true);
        let (service, shared) = (service.clone(), Arc::clone(&shared));
        let answer = hyper::service::service_fn(move |request| {
            let (service, shared) = (service.clone(), Arc::clone(&shared));
            async move { shared.answer(service, request).await }
        });
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection.serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}

impl Shared {
    /// The fault that this request meets.
    fn fault(&self, method: &Method) -> Option<Fault> {
        *self.counts.lock().unwrap().entry(method.to_string()).or_default() += 1;
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let faults = self.faults.lock().unwrap();
        let &(every, _) = faults.first()?;
        let due = (number + 1).is_multiple_of(every);
        due.then(|| faults[number / every % faults.len()].1)
    }

    async fn answer(
        &self,
        service: S3Service,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Broken> {
        let fault = self.fault(request.method());
        let listing = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
        if fault.is_some_and(|fault| fault != Fault::Cut) {
            // A client that is still sending would take this for a broken connection.
            let _ = request.into_body().collect().await;
            return match fault {
                Some(Fault::SlowDown) => Ok(refusal(503, "SlowDown")),
                Some(Fault::Internal) => Ok(refusal(500, "InternalError")),
                _ => Err(Broken::by(fault)),
            };
        }
        // The file server makes missing buckets as it goes. S3 does not.
        let path = request.uri().path().trim_start_matches('/').to_owned();
        if !self.root.join(path.split('/').next().unwrap_or_default()).is_dir() {
            return Ok(refusal(404, "NoSuchBucket"));
        }
        if path.len() > LONGEST {
            return self.answer_long(path, request).await;
        }
        let response = service.call(request.map(s3s::Body::from)).await;
        let response = response.map_err(Broken::by)?;
        let extra = self.extra.lock().unwrap().clone();
        let listing = listing && !extra.is_empty();
        if fault.is_none() && !listing {
            return Ok(response.map(|body| body.map_err(Broken::by).boxed_unsync()));
        }
        let (mut head, body) = response.into_parts();
        let mut bytes = body.collect().await.map_err(Broken::by)?.to_bytes();
        if listing {
            let end = "</ListBucketResult>";
            let text = std::str::from_utf8(&bytes)
                .map_err(Broken::by)?
                .replace(end, &format!("{extra}{end}"));
            head.headers.remove(hyper::header::CONTENT_LENGTH);
            bytes = text.into();
        }
        if fault.is_none() {
            return Ok(Response::from_parts(head, full(bytes)));
        }
        if bytes.is_empty() {
            return Err(Broken::by(fault));
        }
        head.headers.insert(hyper::header::CONTENT_LENGTH, bytes.len().into());
        let half = Frame::data(bytes.slice(..bytes.len() / 2));
        let pieces = [Ok(half), Err(Broken::by(fault))];
        let body = StreamBody::new(futures_util::stream::iter(pieces));
        Ok(Response::from_parts(head, BodyExt::boxed_unsync(body)))
    }
}

impl Shared {
    /// Puts and gets objects in memory.
    async fn answer_long(
        &self,
        path: String,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Broken> {
        let known = self.long.lock().unwrap().get(&path).cloned();
        let bytes = match (request.method(), known) {
            (&Method::PUT, _) => {
                let bytes = request.into_body().collect().await.map_err(Broken::by)?.to_bytes();
                self.long.lock().unwrap().insert(path, bytes);
                Bytes::new()
            }
            (_, Some(bytes)) => bytes,
            (_, None) => return Ok(refusal(404, "NoSuchKey")),
        };
        let response = Response::builder()
            .header("ETag", "\"1\"")
            .header("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT");
        Ok(response.body(full(bytes)).unwrap())
    }
}

fn refusal(status: u16, code: &str) -> Response<Body> {
    let text = format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
    Response::builder().status(status).body(full(text.into())).unwrap()
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
