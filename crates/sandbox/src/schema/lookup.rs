//! Questions asked of a finished model, and the values of its descriptors.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Abstract, ApiModel, Descriptor, Member, MemberKind, Resource, SchemaError};

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    /// A resource with an endpoint.
    Resource(&'a Resource),
    /// A type that only its specialisations have records of.
    Abstract(&'a Abstract),
}

/// One value in a file of descriptor values.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Code(String),
    CodeAndShort(
        String,
        #[expect(dead_code, reason = "the model keeps codes only")] String,
    ),
}

impl ApiModel {
    /// What a reference's `target` names.
    pub fn target(&self, stem: &str) -> Option<Target<'_>> {
        let resource = self
            .resources
            .values()
            .find(|resource| resource.singular == stem);
        let found = resource.map(Target::Resource);
        found.or_else(|| self.abstracts.get(stem).map(Target::Abstract))
    }

    /// The descriptor type with this singular, for example `gradeLevelDescriptor`.
    pub fn descriptor(&self, singular: &str) -> Option<&Descriptor> {
        self.descriptors
            .values()
            .find(|descriptor| descriptor.singular == singular)
    }

    /// Adds initial values from JSON of the shape
    /// `{"ed-fi/xDescriptors": {"uri://ed-fi.org/XDescriptor": ["code", ["code", "short"]]}}`.
    /// Types that the model does not have are passed over; values it has already stay single.
    ///
    /// # Errors
    /// Another shape.
    pub fn add_descriptor_values(&mut self, json: &[u8]) -> Result<(), SchemaError> {
        type File = BTreeMap<String, BTreeMap<String, Vec<Value>>>;
        let file: File = serde_json::from_slice(json)
            .map_err(|source| SchemaError::DescriptorValues { source })?;
        for (path, namespaces) in file {
            let Some(descriptor) = self.descriptors.get_mut(&path) else {
                continue;
            };
            for (namespace, values) in namespaces {
                for Value::Code(code) | Value::CodeAndShort(code, _) in values {
                    descriptor.add_value(format!("{namespace}#{code}"));
                }
            }
        }
        Ok(())
    }
}

impl Descriptor {
    pub(crate) fn add_value(&mut self, value: String) {
        if !self.values.contains(&value) {
            self.values.push(value);
        }
    }
}

impl Resource {
    /// `ed-fi/students`: the name of the resource in the model.
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl MemberKind {
    /// Whether it is a single value and neither a reference, an object nor a collection.
    pub fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Self::Reference(_) | Self::Object { .. } | Self::Array { .. }
        )
    }

    /// Members of an object, of a collection's items or of a reference; empty for scalars.
    pub fn members(&self) -> &[Member] {
        match self {
            Self::Object { members, .. } | Self::Array { members, .. } => members,
            Self::Reference(reference) => &reference.members,
            _ => &[],
        }
    }

    /// The same of an object or a collection, to be changed.
    pub(crate) fn members_mut(&mut self) -> Option<&mut Vec<Member>> {
        match self {
            Self::Object { members, .. } | Self::Array { members, .. } => Some(members),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::embedded;

    #[test]
    fn descriptor_values_are_added_once_and_only_to_known_types() {
        let mut model = embedded().unwrap();
        let path = "ed-fi/participationStatusDescriptors";
        let namespace = "uri://example.org/ParticipationStatusDescriptor";
        let json = format!(
            r#"{{"{path}": {{"{namespace}": ["Active", ["Left", "Left early"], "Active"]}},
                "ed-fi/unheardOfDescriptors": {{"uri://example.org/UnheardOf": ["x"]}}}}"#
        );
        model.add_descriptor_values(json.as_bytes()).unwrap();
        let expected = [format!("{namespace}#Active"), format!("{namespace}#Left")];
        assert_eq!(model.descriptors[path].values, expected);
        assert!(!model.descriptors.contains_key("ed-fi/unheardOfDescriptors"));
        let error = model.add_descriptor_values(b"[1]").unwrap_err();
        assert!(matches!(error, SchemaError::DescriptorValues { .. }));
    }

    #[test]
    fn a_target_is_a_resource_or_an_abstract_type() {
        let model = embedded().unwrap();
        assert!(matches!(model.target("school"), Some(Target::Resource(_))));
        assert!(matches!(
            model.target("educationOrganization"),
            Some(Target::Abstract(_))
        ));
        assert_eq!(model.target("nothing"), None);
    }
}
