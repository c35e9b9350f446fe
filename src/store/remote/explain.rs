//! What a store's error means, and what to do about it.

use crate::store::location::Cloud;

/// What the addresses contain at which machines of a cloud are given their credentials.
pub(super) const METADATA: [&str; 4] =
    ["/latest/api/token", "/latest/meta-data", "/computeMetadata/", "/metadata/identity"];

/// Whether an error says that an object is not there, and not that its bucket is missing.
pub(super) fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && !error.to_string().contains("<Code>NoSuchBucket</Code>")
        && !error.to_string().contains("<Code>ContainerNotFound</Code>")
}

/// The cause of an error in a few words, and the fix.
pub(super) fn explain(cloud: Cloud, error: &object_store::Error) -> String {
    let whole = error.to_string();
    let said = Said::of(&whole);
    let hint = |hint: &str| format!("{}; {hint}", said.text());
    match (said.status, said.code) {
        (_, "NoSuchBucket" | "ContainerNotFound" | "InvalidBucketName") => {
            hint(missing_bucket(cloud))
        }
        (404, _) => "no such object".into(),
        (
            _,
            "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "IllegalLocationConstraintException",
        )
        | (301 | 307, _) => hint("set AWS_REGION to the bucket's region"),
        (403, "AccessDenied" | "AuthorizationPermissionMismatch") => hint(permission(cloud)),
        (401 | 403, _) => hint(credentials(cloud)),
        (429 | 503, _) => {
            hint("it kept refusing although it was asked ever more slowly; run fewer instances")
        }
        (0, _) => {
            let cause = deepest(error);
            if whole.contains("incorrectly configured region") {
                return format!("{cause}; set AWS_REGION to the bucket's region");
            }
            if METADATA.iter().any(|path| whole.contains(path)) {
                return format!("no credentials were found; {}", credentials(cloud));
            }
            let unreached =
                ["error sending request", "error trying to connect", "dns error", "Connect"];
            if unreached.iter().any(|words| whole.contains(words)) {
                return format!("no server answers: {cause}; {}", endpoint(cloud));
            }
            cause
        }
        _ => said.text(),
    }
}

/// What a server's answer says.
struct Said<'a> {
    /// 0 where there was no answer.
    status: u16,
    code: &'a str,
    message: &'a str,
}

impl<'a> Said<'a> {
    /// Reads it from the text of an error, which is all that the client gives.
    fn of(text: &'a str) -> Self {
        let between = |before: &str, after: &str| {
            let start = text.find(before)? + before.len();
            Some(&text[start..start + text[start..].find(after)?])
        };
        let status = between("status code: ", " ").and_then(|digits| digits.parse().ok());
        Self {
            status: status.unwrap_or(0),
            code: between("<Code>", "</Code>").unwrap_or_default(),
            message: between("<Message>", "</Message>").unwrap_or_default(),
        }
    }

    fn text(&self) -> String {
        match (self.code, self.message) {
            ("", _) => format!("it answers with status {}", self.status),
            (code, "") => format!("it says {code}"),
            (code, message) => {
                let line = message.lines().next().unwrap_or_default();
                format!("it says {code}: {}", line.trim_end_matches('.'))
            }
        }
    }
}

/// The first cause.
fn deepest(error: &object_store::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn missing_bucket(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => "check the bucket's name, and AWS_ENDPOINT_URL where it is not Amazon's",
        Cloud::Google => "check the bucket's name",
        Cloud::Azure => "check the container's name, and AZURE_STORAGE_ACCOUNT_NAME",
    }
}

fn permission(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => {
            "allow these credentials s3:ListBucket and s3:GetObject on the input, and s3:PutObject \
             and s3:DeleteObject on the output"
        }
        Cloud::Google => {
            "give these credentials the role of a viewer of the input's objects and of an admin of \
             the output's"
        }
        Cloud::Azure => "give these credentials the role Storage Blob Data Contributor",
    }
}

fn credentials(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN where there is \
             one); profiles are not read, `aws configure export-credentials --format env` prints them"
        }
        Cloud::Google => "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account",
        Cloud::Azure => {
            "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY"
        }
    }
}

fn endpoint(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::S3 => "check the network, and AWS_ENDPOINT_URL or AWS_REGION",
        Cloud::Google => "check the network, and GOOGLE_BASE_URL where it is set",
        Cloud::Azure => {
            "check the network, and AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_ENDPOINT"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn an_answer_is_said_in_a_line_with_the_fix() {
        let answer = |status: &str, code: &str, message: &str| {
            error(&format!(
                "Error performing GET http://h/b in 1ms, after 2 retries, max_retries: 12, \
                 retry_timeout: 120s  - Server returned non-2xx status code: {status}: \
                 <?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            ))
        };
        for (status, code, message, says) in [
            (
                "404 Not Found",
                "NoSuchBucket",
                "The specified bucket does not exist",
                "it says NoSuchBucket: The specified bucket does not exist; check the bucket's name",
            ),
            ("404 Not Found", "NoSuchKey", "", "no such object"),
            ("403 Forbidden", "AccessDenied", "Access Denied.", "Access Denied; allow these"),
            ("403 Forbidden", "InvalidAccessKeyId", "x", "x; set AWS_ACCESS_KEY_ID"),
            ("400 Bad Request", "AuthorizationHeaderMalformed", "x", "x; set AWS_REGION"),
            ("503 Service Unavailable", "SlowDown", "x", "x; it kept refusing"),
            ("400 Bad Request", "KeyTooLong", "y\nz", "it says KeyTooLong: y"),
        ] {
            let said = explain(Cloud::S3, &answer(status, code, message));
            assert!(said.contains(says), "{said}");
        }
        let said = explain(Cloud::Google, &error("status code: 401 Unauthorized: "));
        assert!(said.starts_with("it answers with status 401; set GOOGLE_"), "{said}");
    }

    #[test]
    fn what_gives_no_answer_is_said_with_the_fix() {
        for (text, says) in [
            ("HTTP error: error sending request", "no server answers"),
            ("PUT http://169.254.169.254/latest/api/token", "no credentials were found; set AWS_"),
            ("normally indicates an incorrectly configured region", "set AWS_REGION"),
            ("Missing SecretAccessKey", "Missing SecretAccessKey"),
        ] {
            let said = explain(Cloud::S3, &error(text));
            assert!(said.contains(says), "{said}");
        }
    }
}
