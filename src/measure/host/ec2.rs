//! Which type of machine EC2 says that this one is.
//!
//! Its metadata service is asked as
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html> says
//! (IMDSv2): a token first, then the type with it. It is asked on EC2 alone, and for a moment only.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ureq::config::Config;

/// Where the service is, on every machine of EC2's.
const ENDPOINT: &str = "http://169.254.169.254";

/// What both questions may take together. The service lies next door and answers within a few
/// milliseconds.
const LIMIT: Duration = Duration::from_millis(300);

/// More than any answer has.
const MOST_BYTES: u64 = 1_024;

/// The type of this machine, as EC2 names it: `c5.xlarge`. Nothing elsewhere, and where the service
/// does not answer at once or was switched off by AWS_EC2_METADATA_DISABLED.
pub fn machine_type() -> Option<String> {
    if !is_ec2(Path::new("/")) {
        return None;
    }
    ask(&endpoint(|name| std::env::var(name).ok())?, LIMIT)
}

/// Whether the firmware names EC2. `root` is `/`, or a stand-in for it.
fn is_ec2(root: &Path) -> bool {
    let dmi = root.join("sys/class/dmi/id");
    let says = |file: &str, word: &str| {
        let text = fs::read_to_string(dmi.join(file)).unwrap_or_default();
        text.to_ascii_lowercase().contains(word)
    };
    // The last is what machines of the older kind have, whose vendor is Xen.
    says("sys_vendor", "amazon ec2")
        || says("bios_vendor", "amazon ec2")
        || says("bios_version", "amazon")
}

/// Where to ask, by the variables that AWS's own programs follow.
fn endpoint(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let off = variable("AWS_EC2_METADATA_DISABLED");
    if off.is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return None;
    }
    let named = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .map(|value| value.trim().trim_end_matches('/').to_owned())
        .filter(|value| !value.is_empty());
    Some(named.unwrap_or_else(|| ENDPOINT.into()))
}

/// What the service at `endpoint` says within the `limit`, if it makes sense.
fn ask(endpoint: &str, limit: Duration) -> Option<String> {
    let begun = Instant::now();
    // A proxy would answer for itself, or ask the service of its own machine.
    let config: Config = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(true)
        .build();
    let agent = ureq::Agent::from(config);
    let token = agent
        .put(format!("{endpoint}/latest/api/token"))
        .header("X-aws-ec2-metadata-token-ttl-seconds", "60")
        .config()
        .timeout_global(Some(limit))
        .build()
        .send_empty()
        .ok()
        .and_then(text)
        .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))?;
    let left = limit.checked_sub(begun.elapsed()).filter(|left| !left.is_zero())?;
    agent
        .get(format!("{endpoint}/latest/meta-data/instance-type"))
        .header("X-aws-ec2-metadata-token", token)
        .config()
        .timeout_global(Some(left))
        .build()
        .call()
        .ok()
        .and_then(text)
        .filter(|answer| is_type(answer))
}

fn text(response: ureq::http::Response<ureq::Body>) -> Option<String> {
    let body = response.into_body().into_with_config().limit(MOST_BYTES).read_to_string().ok()?;
    Some(body.trim().to_owned())
}

/// Whether a text is made like `c5.xlarge`, `p6-b200.48xlarge` or `u-6tb1.metal`, with `ml.` before
/// it or without.
fn is_type(text: &str) -> bool {
    let word = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(plain)
    };
    text.len() <= 64 && (2..=3).contains(&text.split('.').count()) && text.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;

    /// Long enough on a machine that is busy with other tests.
    const PATIENT: Duration = Duration::from_secs(20);

    /// A service in this process that answers each request, its head as text, as `answer` says; it
    /// ends with the test. Gives where it is.
    fn service(answer: impl Fn(&str) -> String + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The client may be gone before it is answered.
                let _ = serve(stream, &answer);
            }
        });
        endpoint
    }

    fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> String) -> std::io::Result<()> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
            head.push(byte[0]);
        }
        stream.write_all(answer(&String::from_utf8_lossy(&head)).as_bytes())
    }

    fn with(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    }

    /// What EC2 answers, for a machine of that type.
    fn ec2(head: &str, machine_type: &str) -> String {
        let head = head.to_ascii_lowercase();
        if head.starts_with("put /latest/api/token http/1.1\r\n")
            && head.contains("x-aws-ec2-metadata-token-ttl-seconds: 60\r\n")
        {
            with("200 OK", "AQAEAJ-secret==")
        } else if head.starts_with("get /latest/meta-data/instance-type http/1.1\r\n")
            && head.contains("x-aws-ec2-metadata-token: aqaeaj-secret==\r\n")
        {
            with("200 OK", machine_type)
        } else {
            with("401 Unauthorized", "c5.nonsense")
        }
    }

    #[test]
    fn the_service_is_asked_for_a_token_and_with_it_for_the_type() {
        for (answer, expected) in [
            ("c5.xlarge", Some("c5.xlarge")),
            ("p6-b200.48xlarge\n", Some("p6-b200.48xlarge")),
            ("ml.g5.2xlarge", Some("ml.g5.2xlarge")),
        ] {
            let endpoint = service(move |head| ec2(head, answer));
            assert_eq!(ask(&endpoint, PATIENT).as_deref(), expected);
        }
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_none() {
        let long = "a".repeat(100) + ".large";
        let flood = "a.".repeat(100_000);
        for answer in
            ["", " ", "<html>log in</html>", "c5", "C5.LARGE", "..", "c5.x y", &long, &flood]
        {
            let answer = answer.to_owned();
            let endpoint = service(move |head| ec2(head, &answer));
            assert_eq!(ask(&endpoint, PATIENT), None);
        }
        for answer in [
            with("403 Forbidden", "c5.xlarge"),
            with("200 OK", ""),
            with("200 OK", "a token\u{7f} with a hole"),
            "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".into(),
            "\u{0}\u{1}\u{2} no HTTP at all\r\n\r\n".into(),
            String::new(),
        ] {
            let endpoint = service(move |_| answer.clone());
            assert_eq!(ask(&endpoint, PATIENT), None);
        }
    }

    #[test]
    fn a_dead_endpoint_is_none_at_once() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        assert_eq!(ask(&endpoint, PATIENT), None);
        for endpoint in ["", "not a place", "http://", "http://127.0.0.1:99999"] {
            assert_eq!(ask(endpoint, PATIENT), None, "{endpoint}");
        }
    }

    #[test]
    fn a_slow_service_is_not_waited_for() {
        // Each question by itself would be answered in time; both are not.
        let slow = |delay: u64| {
            service(move |head| {
                thread::sleep(Duration::from_millis(delay));
                ec2(head, "c5.xlarge")
            })
        };
        for delay in [700, 60_000] {
            let begun = Instant::now();
            assert_eq!(ask(&slow(delay), Duration::from_secs(1)), None);
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(10), "{took:?}");
        }
    }

    #[test]
    fn the_firmware_tells_ec2_from_others() {
        for (file, text, expected) in [
            ("sys_vendor", "Amazon EC2\n", true),
            ("bios_vendor", "Amazon EC2\n", true),
            ("bios_version", "4.11.amazon\n", true),
            ("sys_vendor", "QEMU\n", false),
            ("bios_vendor", "Google\n", false),
        ] {
            let root = tempfile::tempdir().unwrap();
            assert!(!is_ec2(root.path()));
            let folder = root.path().join("sys/class/dmi/id");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(file), text).unwrap();
            assert_eq!(is_ec2(root.path()), expected, "{file}: {text}");
        }
    }

    #[test]
    fn the_variables_of_awss_programs_are_followed() {
        let at = |disabled: Option<&str>, named: Option<&str>| {
            endpoint(|name| {
                let value = if name == "AWS_EC2_METADATA_DISABLED" { disabled } else { named };
                value.map(str::to_owned)
            })
        };
        assert_eq!(at(None, None).as_deref(), Some("http://169.254.169.254"));
        assert_eq!(at(Some("false"), Some("")).as_deref(), Some("http://169.254.169.254"));
        assert_eq!(
            at(None, Some("http://[fd00:ec2::254]/")).as_deref(),
            Some("http://[fd00:ec2::254]")
        );
        assert_eq!(at(Some("true"), None), None);
        assert_eq!(at(Some("TRUE "), Some("http://localhost:1")), None);
    }
}
