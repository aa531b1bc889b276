//! Values given in several places of one body: they must agree, and the key is taken from them.

use super::reader::Reader;

impl Reader<'_> {
    /// Refuses values that share one stored value and differ.
    pub(super) fn check_unified(&mut self) {
        let endpoint = self.rules.endpoint;
        for group in &endpoint.unified {
            let values: Vec<&String> = group
                .paths
                .iter()
                .filter_map(|path| self.value(path))
                .collect();
            if let Some(other) = values.iter().find(|value| **value != values[0]) {
                let text = self.disagreement(&group.name, [values[0], other], false);
                self.faults.push((format!("$.{}", group.name), text));
            }
        }
        for (path, name, value) in std::mem::take(&mut self.nested) {
            let part = endpoint.key.iter().find(|part| part.query_name == name);
            let own = part
                .and_then(|part| self.value(&part.path))
                .filter(|own| **own != value);
            if let Some(own) = own {
                let text = self.disagreement(name, [own, &value], true);
                self.faults.push((format!("{path}.{name}"), text));
            }
        }
    }

    fn disagreement(&self, name: &str, values: [&String; 2], nested: bool) -> String {
        let [one, other] = values;
        let title = &self.rules.endpoint.title;
        if self.rules.api.is_legacy() {
            return format!(
                "Supplied values for unified key property '{name}' on '{title}' are not \
                 consistent: {one}, {other}"
            );
        }
        let scope = if nested {
            " (including those higher up in the resource's data)"
        } else {
            ""
        };
        format!(
            "All values supplied for '{name}' must match. Review all references{scope} and align \
             the following conflicting values: '{one}', '{other}'"
        )
    }

    /// The canonical key parts; a part that is missing is a fault.
    pub(super) fn key_parts(&mut self) -> Vec<String> {
        let endpoint = self.rules.endpoint;
        let mut parts = Vec::with_capacity(endpoint.key.len());
        for part in &endpoint.key {
            if let Some(value) = self.value(&part.path) {
                parts.push(value.clone());
            } else if self.faults.is_empty() {
                let text = format!("{} is required.", self.label(&part.query_name));
                self.faults.push((format!("$.{}", part.path), text));
            }
        }
        parts
    }

    fn value(&self, place: &str) -> Option<&String> {
        self.values
            .iter()
            .find(|(name, _)| name == place)
            .map(|(_, value)| value)
    }
}
