//! Downloading MNIST from its mirrors.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{self, Canonical};
use crate::data::Split;
use crate::error::{Error, Result};

/// Public copies of MNIST: PyTorch's and Google's.
pub const MIRRORS: [&str; 2] = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
];

/// No file of MNIST is larger than this, gzipped or not.
const MAX_BYTES: u64 = 64 << 20;
/// What a machine without a network loses at most, for each mirror, and twice: once for its
/// address and once for the connection.
const REACH: Duration = Duration::from_secs(2);
/// How long a mirror may keep silent once it is reached.
const SILENCE: Duration = Duration::from_secs(10);

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file's name.
    pub file: &'static str,
    /// Bytes received of it.
    pub received: u64,
    /// Bytes that the mirror announced, where it did.
    pub total: Option<u64>,
}

/// A file that is now there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where.
    pub path: PathBuf,
    /// Where from; none where it had been there before.
    pub mirror: Option<String>,
}

/// Brings the files of some splits into a folder, checks each against MNIST's MD5, and puts it
/// there whole or not at all. Files that are there already are checked and left alone.
///
/// # Errors
/// [`Error::Unavailable`] where no mirror has a sound file, with what each of them said;
/// [`Error::Malformed`] where a file is there that is not MNIST's; [`Error::Io`] where the folder
/// cannot be written.
pub fn fetch(
    dir: &Path,
    splits: &[Split],
    mirrors: &[String],
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Fetched>> {
    fetch_files(&agent(ureq::Proxy::try_from_env()), dir, files::of(splits), mirrors, progress)
}

fn fetch_files(
    agent: &ureq::Agent,
    dir: &Path,
    files: impl Iterator<Item = Canonical>,
    mirrors: &[String],
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Fetched>> {
    std::fs::create_dir_all(dir).map_err(|error| Error::io("create the folder", dir, error))?;
    let mut mirrors = mirrors.to_vec();
    let mut fetched = Vec::new();
    for file in files {
        if let Some(path) = file.within(dir) {
            check(&file, files::open(&path)?, &path).map_err(remove_it)?;
            fetched.push(Fetched { path, mirror: None });
            continue;
        }
        let (bytes, index) = download(agent, &file, &mirrors, progress)?;
        // The mirror that worked is asked first from now on.
        mirrors.swap(0, index);
        let path = store(dir, &file, &bytes)?;
        fetched.push(Fetched { path, mirror: Some(mirrors[0].clone()) });
    }
    Ok(fetched)
}

/// Nobody's file is overwritten: it may be another data set's.
fn remove_it(error: Error) -> Error {
    match error {
        Error::Malformed { what, reason } => Error::Malformed {
            what,
            reason: format!("{reason}; remove it, or choose another folder, and fetch again"),
        },
        other => other,
    }
}

fn agent(proxy: Option<ureq::Proxy>) -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(proxy)
        .timeout_resolve(Some(REACH))
        .timeout_connect(Some(REACH))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// A sound file from the first mirror that has it, and that mirror's index.
fn download(
    agent: &ureq::Agent,
    file: &Canonical,
    mirrors: &[String],
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<u8>, usize)> {
    let mut refusals = Vec::new();
    for (index, mirror) in mirrors.iter().enumerate() {
        let address = format!("{}/{}", mirror.trim_end_matches('/'), file.zipped_name());
        let answer = get(agent, file, &address, progress).and_then(|bytes| {
            match check(file, &bytes[..], Path::new(&address)) {
                Ok(()) => Ok(bytes),
                Err(Error::Malformed { reason, .. }) => Err(reason),
                Err(error) => Err(error.to_string()),
            }
        });
        match answer {
            Ok(bytes) => return Ok((bytes, index)),
            Err(refusal) => refusals.push(format!("{mirror}: {refusal}")),
        }
    }
    Err(Error::unavailable(
        file.zipped_name(),
        format!(
            "no mirror gave it ({}); connect to the network, or set PLIMSOLL_MNIST_DIR to a \
             folder that holds MNIST's files",
            refusals.join("; ")
        ),
    ))
}

/// The body at an address, or why there is none.
fn get(
    agent: &ureq::Agent,
    file: &Canonical,
    address: &str,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<u8>, String> {
    let response = agent.get(address).call().map_err(|error| error.to_string())?;
    let body = response.into_body();
    let total = body.content_length();
    let mut reader = body.into_with_config().limit(MAX_BYTES).reader();
    let mut bytes = Vec::new();
    let mut block = vec![0; 1 << 16];
    loop {
        progress(Progress { file: file.name, received: bytes.len() as u64, total });
        match reader.read(&mut block).map_err(|error| error.to_string())? {
            0 => return Ok(bytes),
            read => bytes.extend_from_slice(&block[..read]),
        }
    }
}

/// Whether bytes, gzipped or not, are the canonical file.
fn check(file: &Canonical, bytes: impl Read, name: &Path) -> Result<()> {
    let md5 = file.md5_of(bytes, name)?;
    if md5 == file.md5 {
        return Ok(());
    }
    Err(Error::malformed(
        name.display().to_string(),
        format!("not MNIST's: its MD5 is {md5}, not {}", file.md5),
    ))
}

/// Writes a file under a passing name and gives it its own once it is whole.
fn store(dir: &Path, file: &Canonical, bytes: &[u8]) -> Result<PathBuf> {
    let zipped = bytes.starts_with(&[0x1f, 0x8b]);
    let path = dir.join(if zipped { file.zipped_name() } else { file.name.to_owned() });
    let failed = |error| Error::io("write", &path, error);
    let mut passing = tempfile::Builder::new();
    // A cache may be shared; the umask still has its say.
    #[cfg(unix)]
    passing.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut passing = passing.prefix(".fetch-").tempfile_in(dir).map_err(failed)?;
    passing.write_all(bytes).map_err(failed)?;
    passing.persist(&path).map_err(|error| failed(error.error))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;
    use crate::data::idx;

    /// A mirror on this machine: answers each request for `path` with the bytes given for it, and
    /// all else with 404. Its thread ends with the test's process.
    fn mirror(files: Vec<(&'static str, Vec<u8>, Body)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mnist/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up early is the test's business.
                let _ = answer(stream.unwrap(), &files);
            }
        });
        address
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Body {
        Whole,
        Cut,
    }

    fn answer(
        mut stream: TcpStream,
        files: &[(&'static str, Vec<u8>, Body)],
    ) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().unwrap()?;
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        let found = files.iter().find(|(name, ..)| request.contains(&format!("/mnist/{name} ")));
        let Some((_, bytes, body)) = found else {
            return write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        };
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
        stream.write_all(if *body == Body::Cut { &bytes[..bytes.len() / 2] } else { bytes })
    }

    const NAME: &str = "some-labels";

    /// Labels that a test's mirror hands out, and the file as it has to be.
    fn file() -> (Vec<u8>, Canonical) {
        let bytes = idx::write_labels(&[5, 0, 4, 1, 9]);
        // printf '\0\0\10\1\0\0\0\5\5\0\4\1\11' | md5sum
        (bytes, files::labels(NAME, "ac47438c7b736d43685969e2e13f29d8"))
    }

    fn run(dir: &Path, mirrors: &[String]) -> Result<Vec<Fetched>> {
        let mut last = None;
        let fetched =
            fetch_files(&agent(None), dir, [file().1].into_iter(), mirrors, &mut |progress| {
                last = Some(progress)
            });
        if let Ok([Fetched { mirror: Some(_), .. }]) = fetched.as_deref() {
            let length = file().0.len() as u64;
            let done = Progress { file: NAME, received: length, total: Some(length) };
            assert_eq!(last, Some(done));
        }
        fetched
    }

    fn entries(dir: &Path) -> Vec<String> {
        let names = std::fs::read_dir(dir).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_sound_file_is_fetched_once() {
        let dir = tempfile::tempdir().unwrap();
        let mirrors = [mirror(vec![("some-labels.gz", file().0, Body::Whole)])];
        let path = dir.path().join(NAME);
        let first = run(dir.path(), &mirrors).unwrap();
        assert_eq!(first, [Fetched { path: path.clone(), mirror: Some(mirrors[0].clone()) }]);
        assert_eq!(std::fs::read(&path).unwrap(), file().0);
        // Nobody answers now, and nobody is asked.
        assert_eq!(run(dir.path(), &[]).unwrap(), [Fetched { path, mirror: None }]);
    }

    #[test]
    fn the_second_mirror_is_asked_where_the_first_has_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let good = mirror(vec![("some-labels.gz", file().0, Body::Whole)]);
        let fetched = run(dir.path(), &[mirror(vec![]), good.clone()]).unwrap();
        assert_eq!(fetched[0].mirror, Some(good));
    }

    #[test]
    fn a_wrong_or_truncated_file_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let other = mirror(vec![("some-labels.gz", idx::write_labels(&[1]), Body::Whole)]);
        let cut = mirror(vec![("some-labels.gz", file().0, Body::Cut)]);
        let nothing = mirror(vec![]);
        let text = run(dir.path(), &[other, cut, nothing]).unwrap_err().to_string();
        for part in [
            "some-labels.gz is not available: no mirror gave it (http://127.0.0.1:",
            "not MNIST's: its MD5 is",
            "Peer disconnected",
            "http status: 404",
            "set PLIMSOLL_MNIST_DIR",
        ] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        assert_eq!(entries(dir.path()), [""; 0]);
    }

    #[test]
    fn a_mirror_that_cannot_be_reached_says_so() {
        let dir = tempfile::tempdir().unwrap();
        // A port that was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = run(dir.path(), &[gone]).unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_mnists_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("some-labels.gz");
        std::fs::write(&path, idx::write_labels(&[1, 2])).unwrap();
        let text = run(dir.path(), &[]).unwrap_err().to_string();
        assert!(text.contains("some-labels.gz: not MNIST's"), "{text}");
        assert!(text.contains("remove it"), "{text}");
        assert_eq!(entries(dir.path()), ["some-labels.gz"]);
    }
}
