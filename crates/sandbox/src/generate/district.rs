//! The lay of a district: who is in which grade, school and section, all by arithmetic.
//!
//! Student `i` is in grade `i % 13`; students of a grade go round the schools of their level,
//! and those of a school's grade round its sections. So every reference can be worked out from
//! the index of what it refers to, and nothing has to be kept.

use super::calendar::SchoolYear;
use super::dice::{Dice, Use};
use super::words::{PLACES, TOWNS};
use super::{GenerateConfig, GenerateError};

/// Kindergarten to twelfth grade.
pub(super) const GRADES: [&str; 13] = [
    "Kindergarten",
    "First grade",
    "Second grade",
    "Third grade",
    "Fourth grade",
    "Fifth grade",
    "Sixth grade",
    "Seventh grade",
    "Eighth grade",
    "Ninth grade",
    "Tenth grade",
    "Eleventh grade",
    "Twelfth grade",
];

/// Most students in one section.
const SECTION_SIZE: u64 = 25;

/// A kind of school: words for it, its grades, and how many students one has at most.
pub(super) struct Level {
    pub(super) title: &'static str,
    pub(super) first_grade: u64,
    pub(super) last_grade: u64,
    capacity: u64,
}

pub(super) const LEVELS: [Level; 3] = [
    Level {
        title: "Elementary School",
        first_grade: 0,
        last_grade: 5,
        capacity: 450,
    },
    Level {
        title: "Middle School",
        first_grade: 6,
        last_grade: 8,
        capacity: 600,
    },
    Level {
        title: "High School",
        first_grade: 9,
        last_grade: 12,
        capacity: 1200,
    },
];

/// A district of some number of students; any of its entities can be asked for at any time.
#[derive(Clone, Debug)]
pub struct District {
    /// How many students there are.
    pub students: u64,
    /// What all chance comes from.
    pub seed: u64,
    pub(super) year: SchoolYear,
}

/// A school of the district.
#[derive(Clone, Copy)]
pub(super) struct School {
    /// Position in the district.
    pub(super) index: u64,
    pub(super) level: &'static Level,
    /// Position among the schools of its level, and how many there are of them.
    place: (u64, u64),
    pub(super) id: u64,
}

impl District {
    /// The district a configuration describes.
    ///
    /// # Errors
    /// A school year out of range.
    pub fn new(config: &GenerateConfig) -> Result<Self, GenerateError> {
        let year = SchoolYear::new(config.school_year)?;
        Ok(Self {
            students: config.students,
            seed: config.seed,
            year,
        })
    }

    pub(super) fn dice(&self, purpose: Use, index: u64) -> Dice {
        Dice::new(self.seed, purpose, index)
    }

    /// Number of the local education agency.
    pub(super) fn agency(&self) -> u64 {
        100_000 + self.dice(Use::District, 0).below(800_000)
    }

    pub(super) fn town(&self) -> &'static str {
        self.dice(Use::District, 1).pick(&TOWNS)
    }

    pub(super) fn postal_code(&self) -> String {
        format!("{}", 75_000 + self.dice(Use::District, 2).below(4_000))
    }

    pub(super) fn schools(&self) -> impl Iterator<Item = School> {
        let counts = LEVELS.iter().map(|level| (level, self.schools_of(level)));
        let places = counts.flat_map(|(level, count)| (0..count).map(move |at| (level, at, count)));
        let agency = self.agency();
        (0..)
            .zip(places)
            .map(move |(index, (level, at, count))| School {
                index,
                level,
                place: (at, count),
                id: agency * 1000 + 1 + index,
            })
    }

    pub(super) fn school_name(&self, school: School) -> String {
        let offset = self.dice(Use::School, 0).below(PLACES.len() as u64);
        let place = (school.index + offset) % PLACES.len() as u64;
        let round = school.index / PLACES.len() as u64;
        let place = usize::try_from(place).unwrap_or_default();
        match round {
            0 => format!("{} {}", PLACES[place], school.level.title),
            round => format!("{} {} {}", PLACES[place], school.level.title, round + 1),
        }
    }

    /// The school of a student.
    pub(super) fn school_of(&self, student: u64) -> School {
        let (grade, ordinal) = (student % 13, student / 13);
        let mut index = 0;
        let mut found = &LEVELS[0];
        for level in &LEVELS {
            found = level;
            if grade <= level.last_grade {
                break;
            }
            index += self.schools_of(level);
        }
        let count = self.schools_of(found);
        let at = ordinal % count;
        let index = index + at;
        School {
            index,
            level: found,
            place: (at, count),
            id: self.agency() * 1000 + 1 + index,
        }
    }

    /// Which section of each course a student is in, from 0.
    pub(super) fn section_of(&self, student: u64) -> u64 {
        let school = self.school_of(student);
        let sections = self.sections_of(school, student % 13);
        (student / 13 / school.place.1)
            .checked_rem(sections)
            .unwrap_or_default()
    }

    /// How many sections each course of a grade has in a school; none without students.
    pub(super) fn sections_of(&self, school: School, grade: u64) -> u64 {
        let (at, count) = school.place;
        let in_grade = self.in_grade(grade);
        let students = (in_grade + count - 1).saturating_sub(at) / count;
        students.div_ceil(SECTION_SIZE)
    }

    fn schools_of(&self, level: &Level) -> u64 {
        let students: u64 = (level.first_grade..=level.last_grade)
            .map(|grade| self.in_grade(grade))
            .sum();
        students.div_ceil(level.capacity).max(1)
    }

    fn in_grade(&self, grade: u64) -> u64 {
        (self.students + 12).saturating_sub(grade) / 13
    }
}

impl School {
    pub(super) fn grades(self) -> impl Iterator<Item = u64> {
        self.level.first_grade..=self.level.last_grade
    }
}

/// Name of a grade level, `Kindergarten` for 0.
pub(super) fn grade_name(grade: u64) -> &'static str {
    let index = usize::try_from(grade).unwrap_or_default();
    GRADES.get(index).copied().unwrap_or("Ungraded")
}
