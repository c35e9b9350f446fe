//! What happens between a client and its connections: listings are sifted, and what is not there
//! at all is not asked for minutes.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};

use super::explain::METADATA;
use super::sift::sift;

/// Marks the request for a page of a listing.
#[derive(Clone)]
pub(super) struct Page;

/// The keys of a page that cannot be asked for, in what comes with the answer.
#[derive(Clone)]
pub(super) struct Aside(pub(super) Vec<String>);

/// How often a server that has never answered is tried: for about a second.
const TRIES: u32 = 5;

/// Makes connections that pass through here.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Wire { inner, reached: false.into(), refused: 0.into() }))
    }
}

/// The connections of a client.
#[derive(Debug)]
struct Wire {
    inner: HttpClient,
    // Whether there was ever an answer.
    reached: AtomicBool,
    // How often there was none before that.
    refused: AtomicU32,
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let page = request.extensions().get::<Page>().is_some();
        // Who gives machines of a cloud their credentials answers at once there, and nowhere else.
        let metadata = METADATA.iter().any(|path| request.uri().path().starts_with(path));
        let tries = if metadata { 1 } else { TRIES };
        match self.inner.execute(request).await {
            Ok(response) => {
                self.reached.store(true, Ordering::Relaxed);
                if page && response.status().is_success() {
                    sifted(response).await
                } else {
                    Ok(response)
                }
            }
            // A wrong address is the likeliest cause, and should be said soon. This kind of error
            // is not tried again.
            Err(error)
                if matches!(error.kind(), HttpErrorKind::Connect | HttpErrorKind::Timeout)
                    && !self.reached.load(Ordering::Relaxed)
                    && self.refused.fetch_add(1, Ordering::Relaxed) + 1 >= tries =>
            {
                Err(HttpError::new(HttpErrorKind::Unknown, error))
            }
            Err(error) => Err(error),
        }
    }
}

/// Reads a page, which the client would not try again once its head has come, and takes out the
/// keys that the client would change or fail by.
async fn sifted(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (mut head, body) = response.into_parts();
    let cut = |error| HttpError::new(HttpErrorKind::Interrupted, error);
    let (bytes, aside) = sift(body.bytes().await.map_err(cut)?);
    head.extensions.insert(Aside(aside));
    Ok(HttpResponse::from_parts(head, HttpResponseBody::from(bytes)))
}
