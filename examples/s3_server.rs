//! A server of the S3 API over a folder, to try `s3://` jobs on without an account.
//!
//! ```sh
//! cargo run --release --example s3_server -- FOLDER   # a folder in it is a bucket
//! ```
//! It prints the variables that lead Plimsoll (and any other S3 client) to it, listens on loopback
//! alone, and serves until its standard input ends.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;

const KEY: &str = "plimsoll";
const SECRET: &str = "under-the-line";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: s3_server FOLDER")?;
    let files = s3s_fs::FileSystem::new(PathBuf::from(folder)).map_err(|e| format!("{e:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    let mut out = std::io::stdout();
    writeln!(out, "AWS_ENDPOINT_URL=http://{}", listener.local_addr()?)?;
    writeln!(out, "AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={SECRET}\nAWS_REGION=us-east-1")?;
    runtime.spawn(serve(listener, service.build()));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

async fn serve(listener: TcpListener, service: S3Service) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        // Without it an answer may wait for the client's acknowledgement of the one before.
        let _ = socket.set_nodelay(true);
        let service = service.clone();
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            // A client that hangs up in the middle is its own affair.
            let _ = connection.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
