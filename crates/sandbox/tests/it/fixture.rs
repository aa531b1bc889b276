//! A model of a few resources that has every kind of member, and a server of it with a client
//! that is logged in.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_sandbox::schema::{
    Abstract, ApiModel, Descriptor, KeyPart, Member, MemberKind, Reference, Resource,
};
use syncline_sandbox::{ApiVersion, Sandbox, SandboxConfig};

use crate::client::{Answer, exchange};

/// A server and the token of its client.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) data: String,
    pub(crate) token: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(SandboxConfig::new(model())).await
    }

    pub(crate) async fn version(api: ApiVersion) -> Self {
        Self::with(SandboxConfig {
            api,
            ..SandboxConfig::new(model())
        })
        .await
    }

    pub(crate) async fn with(config: SandboxConfig) -> Self {
        let data = if config.api == ApiVersion::V8_0 {
            "/data"
        } else {
            "/data/v3"
        };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let mut fixture = Self {
            sandbox,
            data: data.to_owned(),
            token: String::new(),
        };
        fixture.log_in();
        fixture
    }

    /// Goes on as another client; the secret is the name and `Secret`.
    pub(crate) fn become_client(&mut self, name: &str, scope: Option<&str>) -> Answer {
        let scope = scope.map_or_else(String::new, |scope| format!("&scope={scope}"));
        let body = format!(
            "grant_type=client_credentials&client_id={name}&client_secret={name}Secret{scope}"
        );
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let address = self.sandbox.address();
        let answer = exchange(address, "POST", "/oauth/token", &headers, body.as_bytes());
        let answer = answer.expect("an answer");
        if answer.status == 200 {
            let token = answer.json()["access_token"].clone();
            self.token = format!("Bearer {}", token.as_str().expect("a token"));
        }
        answer
    }

    pub(crate) fn log_in(&mut self) {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            (
                "Authorization",
                "Basic cG9wdWxhdGVkOnBvcHVsYXRlZFNlY3JldA==",
            ),
        ];
        let address = self.sandbox.address();
        let body = b"grant_type=client_credentials";
        let answer = exchange(address, "POST", "/oauth/token", &headers, body).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        self.token = format!("Bearer {token}");
    }

    /// A request below the data root with extra headers.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let mut all = vec![("Authorization", self.token.as_str())];
        all.extend_from_slice(headers);
        let path = format!("{}{path}", self.data);
        let answer = exchange(self.sandbox.address(), method, &path, &all, body)?;
        let has_length = answer.header("transfer-encoding").is_none();
        assert!(has_length, "answers about data have a length");
        Ok(answer)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").expect("an answer")
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"").expect("an answer")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, &[], body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, &[], body)
    }

    pub(crate) fn json(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend_from_slice(headers);
        self.send(method, path, &all, body.to_string().as_bytes())
            .expect("an answer")
    }

    /// A request outside the data, as the client that is logged in.
    pub(crate) fn outside(&self, method: &str, path: &str) -> Answer {
        let headers = [("Authorization", self.token.as_str())];
        exchange(self.sandbox.address(), method, path, &headers, b"").expect("an answer")
    }

    /// The newest change version.
    pub(crate) fn newest(&self) -> i64 {
        let answer = self.outside("GET", "/changeQueries/v1/availableChangeVersions");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["oldestChangeVersion"], 0);
        answer.json()["newestChangeVersion"]
            .as_i64()
            .expect("a number")
    }

    /// Posts what must be accepted; gives the id.
    pub(crate) fn create(&self, path: &str, body: &Value) -> String {
        let answer = self.post(path, body);
        assert!(
            matches!(answer.status, 200 | 201),
            "{} {}",
            answer.status,
            answer.text()
        );
        answer.id()
    }
}

pub(crate) fn student(id: &str) -> Value {
    json!({"studentUniqueId": id, "firstName": "Ada", "lastSurname": "Byron", "birthDate": "2010-01-31"})
}

pub(crate) fn school(id: i64) -> Value {
    json!({
        "schoolId": id,
        "nameOfInstitution": "North",
        "gradeLevels": [{"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}],
    })
}

fn text(name: &str, min: u32, max: u32) -> Member {
    let kind = MemberKind::String {
        min_length: Some(min),
        max_length: Some(max),
    };
    member(name, kind)
}

fn member(name: &str, kind: MemberKind) -> Member {
    Member {
        name: name.to_owned(),
        kind,
        required: false,
        identity: false,
    }
}

fn required(member: Member) -> Member {
    Member {
        required: true,
        ..member
    }
}

fn identity(member: Member) -> Member {
    Member {
        required: true,
        identity: true,
        ..member
    }
}

fn integer(name: &str) -> Member {
    member(
        name,
        MemberKind::Integer {
            wide: true,
            minimum: None,
            maximum: None,
        },
    )
}

fn descriptor(name: &str, kind: &str) -> Member {
    member(name, MemberKind::Descriptor(kind.to_owned()))
}

fn reference(name: &str, target: &str, members: Vec<Member>) -> Member {
    let members = members.into_iter().map(required).collect();
    member(
        name,
        MemberKind::Reference(Reference {
            target: target.to_owned(),
            members,
        }),
    )
}

fn collection(name: &str, schema: &str, members: Vec<Member>) -> Member {
    member(
        name,
        MemberKind::Array {
            schema: schema.to_owned(),
            members,
        },
    )
}

fn key(paths: &[&str]) -> Vec<KeyPart> {
    let part = |path: &&str| {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        KeyPart {
            query_name: path.last().expect("a name").clone(),
            path,
        }
    };
    paths.iter().map(part).collect()
}

fn resource(name: &str, singular: &str, members: Vec<Member>, key: Vec<KeyPart>) -> Resource {
    let scalar = |member: &&Member| {
        !matches!(
            member.kind,
            MemberKind::Array { .. } | MemberKind::Object { .. } | MemberKind::Reference(_)
        )
    };
    let query = members.iter().filter(scalar);
    Resource {
        namespace: "ed-fi".to_owned(),
        name: name.to_owned(),
        singular: singular.to_owned(),
        query: query
            .map(|member| (member.name.clone(), vec![member.name.clone()]))
            .collect(),
        members,
        key,
        key_updatable: false,
        specialises: None,
    }
}

fn descriptors(name: &str, singular: &str, values: &[&str]) -> (String, Descriptor) {
    let kind = Descriptor {
        namespace: "ed-fi".to_owned(),
        name: name.to_owned(),
        singular: singular.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    (format!("ed-fi/{name}"), kind)
}

fn organization(name: &str, singular: &str, id: &str, more: Vec<Member>) -> Resource {
    let mut members = vec![
        identity(integer(id)),
        required(text("nameOfInstitution", 1, 75)),
    ];
    members.extend(more);
    let resource = resource(name, singular, members, key(&[id]));
    Resource {
        specialises: Some("educationOrganization".to_owned()),
        ..resource
    }
}

fn students() -> Resource {
    let gpa = MemberKind::Number {
        minimum: Some(0.0),
        maximum: Some(5.0),
    };
    let period = vec![required(member("beginDate", MemberKind::Date))];
    let members = vec![
        identity(text("studentUniqueId", 1, 32)),
        required(text("firstName", 1, 75)),
        required(text("lastSurname", 1, 75)),
        required(member("birthDate", MemberKind::Date)),
        member("multipleBirthStatus", MemberKind::Boolean),
        member("gradePointAverage", gpa),
        member("arrivalTime", MemberKind::Time),
        descriptor("birthSexDescriptor", "sexDescriptor"),
        member(
            "period",
            MemberKind::Object {
                schema: "edFi_period".to_owned(),
                members: period,
            },
        ),
        collection(
            "addresses",
            "edFi_studentAddress",
            vec![
                identity(text("streetNumberName", 1, 150)),
                required(text("city", 2, 30)),
            ],
        ),
    ];
    resource("students", "student", members, key(&["studentUniqueId"]))
}

fn enrolments() -> Resource {
    let members = vec![
        identity(member("entryDate", MemberKind::Date)),
        identity(reference(
            "schoolReference",
            "school",
            vec![integer("schoolId")],
        )),
        identity(reference(
            "studentReference",
            "student",
            vec![text("studentUniqueId", 1, 32)],
        )),
        required(descriptor(
            "entryGradeLevelDescriptor",
            "gradeLevelDescriptor",
        )),
    ];
    let key = key(&[
        "entryDate",
        "schoolReference.schoolId",
        "studentReference.studentUniqueId",
    ]);
    resource(
        "studentSchoolAssociations",
        "studentSchoolAssociation",
        members,
        key,
    )
}

fn sessions() -> Resource {
    let members = vec![
        identity(text("sessionName", 1, 60)),
        identity(reference(
            "schoolReference",
            "school",
            vec![integer("schoolId")],
        )),
        identity(reference(
            "schoolYearTypeReference",
            "schoolYearType",
            vec![integer("schoolYear")],
        )),
    ];
    let key = key(&[
        "sessionName",
        "schoolReference.schoolId",
        "schoolYearTypeReference.schoolYear",
    ]);
    Resource {
        key_updatable: true,
        ..resource("sessions", "session", members, key)
    }
}

fn offerings() -> Resource {
    let session = vec![
        integer("schoolId"),
        integer("schoolYear"),
        text("sessionName", 1, 60),
    ];
    let members = vec![
        identity(text("localCourseCode", 1, 60)),
        identity(reference(
            "schoolReference",
            "school",
            vec![integer("schoolId")],
        )),
        identity(reference("sessionReference", "session", session)),
        collection(
            "sessions",
            "edFi_courseOfferingSession",
            vec![required(reference(
                "sessionReference",
                "session",
                vec![
                    integer("schoolId"),
                    integer("schoolYear"),
                    text("sessionName", 1, 60),
                ],
            ))],
        ),
    ];
    let key = key(&[
        "localCourseCode",
        "schoolReference.schoolId",
        "sessionReference.schoolYear",
        "sessionReference.sessionName",
    ]);
    resource("courseOfferings", "courseOffering", members, key)
}

fn programs() -> Resource {
    let target = vec![integer("educationOrganizationId")];
    let members = vec![
        identity(text("programName", 1, 60)),
        identity(reference(
            "educationOrganizationReference",
            "educationOrganization",
            target,
        )),
    ];
    let key = key(&[
        "educationOrganizationReference.educationOrganizationId",
        "programName",
    ]);
    resource("programs", "program", members, key)
}

fn schools() -> Resource {
    let levels = vec![identity(descriptor(
        "gradeLevelDescriptor",
        "gradeLevelDescriptor",
    ))];
    let levels = required(collection("gradeLevels", "edFi_schoolGradeLevel", levels));
    let codes = vec![
        identity(descriptor(
            "educationOrganizationIdentificationSystemDescriptor",
            "sexDescriptor",
        )),
        required(text("identificationCode", 1, 60)),
    ];
    let codes = collection(
        "identificationCodes",
        "edFi_schoolIdentificationCode",
        codes,
    );
    let agency = reference(
        "localEducationAgencyReference",
        "localEducationAgency",
        vec![integer("localEducationAgencyId")],
    );
    organization("schools", "school", "schoolId", vec![levels, agency, codes])
}

/// The model of every test in this binary.
pub(crate) fn model() -> ApiModel {
    let year = vec![
        identity(integer("schoolYear")),
        required(member("currentSchoolYear", MemberKind::Boolean)),
        required(text("schoolYearDescription", 1, 50)),
    ];
    let resources = [
        students(),
        schools(),
        organization(
            "localEducationAgencies",
            "localEducationAgency",
            "localEducationAgencyId",
            vec![],
        ),
        enrolments(),
        sessions(),
        offerings(),
        programs(),
        resource(
            "schoolYearTypes",
            "schoolYearType",
            year,
            key(&["schoolYear"]),
        ),
    ];
    let concrete = [
        ("ed-fi/schools", "schoolId"),
        ("ed-fi/localEducationAgencies", "localEducationAgencyId"),
    ];
    let organization = Abstract {
        singular: "educationOrganization".to_owned(),
        key: vec!["educationOrganizationId".to_owned()],
        concrete: concrete
            .map(|(path, id)| (path.to_owned(), vec![id.to_owned()]))
            .into(),
    };
    let resources: BTreeMap<_, _> = resources
        .map(|resource| (format!("ed-fi/{}", resource.name), resource))
        .into();
    ApiModel {
        data_standard: "5.2.0".to_owned(),
        resources,
        descriptors: BTreeMap::from([
            descriptors(
                "gradeLevelDescriptors",
                "gradeLevelDescriptor",
                &["uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"],
            ),
            descriptors(
                "sexDescriptors",
                "sexDescriptor",
                &["uri://ed-fi.org/SexDescriptor#Female"],
            ),
        ]),
        abstracts: BTreeMap::from([("educationOrganization".to_owned(), organization)]),
    }
}
