//! What an answer to a write amounts to.

use syncline_http::{Answer, HttpError, read_problem};
use syncline_model::{CollectionName, Done, FailureClass, Handle, Outcome, Refusal};

/// The outcome an answer to a POST to a collection stands for. A descriptor refers to nothing, so
/// that all that a conflict can mean is that its value is there.
pub(crate) fn posted(answer: &Answer, collection: &CollectionName) -> Outcome {
    match outcome(answer) {
        Outcome::Refused(refusal)
            if refusal.status == 409 && collection.short().ends_with("Descriptors") =>
        {
            done(Done::Unchanged, answer)
        }
        other => other,
    }
}

/// The outcome an answer to a write stands for.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        201 => done(Done::Created, answer),
        200 | 204 => done(Done::Updated, answer),
        _ => declined(answer),
    }
}

/// The outcome an answer to a DELETE stands for. A record that something still refers to may go
/// once that has gone.
pub(crate) fn deleted(answer: &Answer) -> Outcome {
    match answer.status {
        200 | 204 => done(Done::Deleted, answer),
        404 | 410 => Outcome::Refused(Refusal::new(FailureClass::Gone, answer.status, "not found")),
        409 => match declined(answer) {
            Outcome::Refused(refusal) => {
                let class = FailureClass::MissingReference;
                Outcome::Refused(Refusal { class, ..refusal })
            }
            other => other,
        },
        _ => declined(answer),
    }
}

/// The outcome a missing answer stands for.
pub(crate) fn no_answer(error: &HttpError) -> Outcome {
    Outcome::Failed(Refusal::new(
        FailureClass::Unavailable,
        0,
        error.to_string(),
    ))
}

fn done(done: Done, answer: &Answer) -> Outcome {
    Outcome::Done {
        done,
        handle: location(answer),
        status: answer.status,
    }
}

/// The id at the end of `Location`; hosts behind a proxy may be wrong in it, the id is not.
fn location(answer: &Answer) -> Option<Handle> {
    let id = answer
        .header("location")?
        .trim_end_matches('/')
        .rsplit('/')
        .next()?;
    (!id.is_empty()).then(|| Handle(id.into()))
}

pub(crate) fn declined(answer: &Answer) -> Outcome {
    let problem = read_problem(answer);
    let class = class(answer.status, &problem.kind, &problem.messages);
    let refusal = Refusal {
        class,
        status: answer.status,
        messages: problem.messages,
        retry_after: answer.retry_after(),
    };
    match class {
        FailureClass::Throttled | FailureClass::Unavailable | FailureClass::Unauthenticated => {
            Outcome::Failed(refusal)
        }
        _ => Outcome::Refused(refusal),
    }
}

/// Codes from 500 on tell of a server that may be well again, but for some by which it says that
/// it will not do this until a person has done something about it.
fn class(status: u16, kind: &str, messages: &[String]) -> FailureClass {
    match status {
        400 if is_unresolved(messages) => FailureClass::MissingReference,
        401 => FailureClass::Unauthenticated,
        403 => FailureClass::Denied,
        404 | 405 | 501 | 505..=508 | 510 | 511 => FailureClass::Unsupported,
        409 => conflict(kind, messages),
        429 => FailureClass::Throttled,
        408 | 425 | 500.. => FailureClass::Unavailable,
        _ => FailureClass::Content,
    }
}

/// Before 7.2 a person that is not there makes an answer of 400, with a sentence to know it by.
fn is_unresolved(messages: &[String]) -> bool {
    let sentence = "reference could not be resolved";
    messages.iter().any(|message| message.contains(sentence))
}

/// 409 stands for a missing reference, for two writers at once, or for content that can never
/// be stored. Before 7.2 only the text tells. One that tells nothing may go once other records
/// have arrived, and is offered again then.
fn conflict(kind: &str, messages: &[String]) -> FailureClass {
    const FINAL: [&str; 4] = [
        "non-unique-identity",
        "non-unique-values",
        "identity-conflict",
        "dependent-item-exists",
    ];
    let says = |text: &str| messages.iter().any(|message| message.contains(text));
    if kind.ends_with("multi-user-conflict") {
        FailureClass::Unavailable
    } else if FINAL.iter().any(|end| kind.ends_with(end))
        || says("not unique")
        || says("duplicate key")
    {
        FailureClass::Content
    } else {
        FailureClass::MissingReference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expected: FailureClass) {
        let answer = Answer {
            status,
            headers: http::HeaderMap::new(),
            body: body.to_owned().into(),
        };
        match outcome(&answer) {
            Outcome::Refused(refusal) | Outcome::Failed(refusal) => {
                assert_eq!(refusal.class, expected, "{status} {body}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn declined_answers_are_told_apart() {
        check(400, "{}", FailureClass::Content);
        check(403, "{}", FailureClass::Denied);
        check(404, "", FailureClass::Unsupported);
        check(429, "<html>", FailureClass::Throttled);
        check(503, "", FailureClass::Unavailable);
        let problem = "urn:ed-fi:api:data-conflict:";
        check(
            409,
            &format!(r#"{{"type":"{problem}unresolved-reference"}}"#),
            FailureClass::MissingReference,
        );
        check(
            409,
            &format!(r#"{{"type":"{problem}multi-user-conflict"}}"#),
            FailureClass::Unavailable,
        );
        check(
            409,
            &format!(r#"{{"type":"{problem}non-unique-identity"}}"#),
            FailureClass::Content,
        );
        let legacy = r#"{"message":"The value supplied for the related 'student' resource does not exist."}"#;
        check(409, legacy, FailureClass::MissingReference);
        let person =
            r#"{"message":"Validation of 'X' failed. Student reference could not be resolved."}"#;
        check(400, person, FailureClass::MissingReference);
        check(409, "", FailureClass::MissingReference);
        let twice =
            r#"{"message":"The value supplied for property 'a' of entity 'b' is not unique."}"#;
        check(409, twice, FailureClass::Content);
        for status in [501, 505, 506, 507, 508, 510, 511] {
            check(status, "", FailureClass::Unsupported);
        }
        for status in [408, 425, 500, 502, 504, 509, 520, 524, 599] {
            check(status, "", FailureClass::Unavailable);
        }
    }

    #[test]
    fn a_descriptor_in_conflict_is_there() {
        let answer = |body: &str| Answer {
            status: 409,
            headers: http::HeaderMap::new(),
            body: body.to_owned().into(),
        };
        let descriptors = CollectionName::new("ed-fi/addressTypeDescriptors");
        let is_there = |body: &str| {
            matches!(
                posted(&answer(body), &descriptors),
                Outcome::Done {
                    done: Done::Unchanged,
                    ..
                }
            )
        };
        assert!(is_there(""));
        assert!(is_there(
            r#"{"type":"urn:ed-fi:api:data-conflict:non-unique-identity"}"#
        ));
        // Two writers at once: the other one may have failed.
        assert!(!is_there(
            r#"{"type":"urn:ed-fi:api:data-conflict:multi-user-conflict"}"#
        ));
        let schools = CollectionName::new("ed-fi/schools");
        assert!(matches!(posted(&answer(""), &schools), Outcome::Refused(_)));
    }

    #[test]
    fn a_success_without_location_is_a_success() {
        let answer = Answer {
            status: 201,
            headers: http::HeaderMap::new(),
            body: "".into(),
        };
        let expected = Outcome::Done {
            done: Done::Created,
            handle: None,
            status: 201,
        };
        assert_eq!(outcome(&answer), expected);
    }

    #[test]
    fn only_the_id_of_a_location_is_believed() {
        let mut headers = http::HeaderMap::new();
        headers.insert(
            "location",
            "http://inner:80/data/v3/ed-fi/students/0b2f/"
                .parse()
                .unwrap(),
        );
        let answer = Answer {
            status: 200,
            headers,
            body: "".into(),
        };
        let Outcome::Done {
            handle: Some(handle),
            done: Done::Updated,
            ..
        } = outcome(&answer)
        else {
            panic!("not done");
        };
        assert_eq!(&*handle.0, "0b2f");
    }
}
