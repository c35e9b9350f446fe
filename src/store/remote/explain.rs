//! What a store's error means, and what to do about it.

use std::error::Error as _;

use crate::store::location::Cloud;

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
        (_, "NoSuchBucket" | "ContainerNotFound") | (404, "") if is_bucket(error) => {
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
            if ["169.254.", "metadata.google.internal"].iter().any(|host| whole.contains(host)) {
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

/// Whether an error is about a whole bucket: one that names no object.
fn is_bucket(error: &object_store::Error) -> bool {
    !matches!(error, object_store::Error::NotFound { .. }) || !is_missing(error)
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
