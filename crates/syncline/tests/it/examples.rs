//! The programs of `examples/`, run.

#[path = "../../examples/in_step.rs"]
mod in_step;
#[path = "../../examples/own_store.rs"]
mod own_store;

use in_step::Student;

#[test]
fn they_run_to_their_end() {
    in_step::main().unwrap();
    own_store::main().unwrap();
}

#[tokio::test]
async fn two_stores_are_kept_in_step() {
    let (report, held) = in_step::run().await.unwrap();
    let one = &report.collections["students"];
    let told = (one.created, one.updated, one.deleted, one.failed);
    assert_eq!(told, (0, 1, 1, 1));
    assert_eq!(
        one.failures[0].message,
        "new_students: nobody has written the letter yet"
    );
    let student = |id, name: &str, email: &str| Student {
        id,
        name: name.to_owned(),
        email: Some(email.to_owned()),
    };
    assert_eq!(
        held,
        [student(1, "Ada", "ada@x"), student(2, "Bea", "bea@x")]
    );
}

#[tokio::test]
async fn a_store_of_ones_own_is_a_store() {
    let (report, held) = own_store::run().await.unwrap();
    let one = &report.collections["marks"];
    assert_eq!((one.created, one.failed), (2, 1));
    assert_eq!(one.failures[0].message, "nobody gets more than 100 points");
    assert_eq!(
        held,
        [("ada".to_owned(), 97), ("bea".to_owned(), 64)].into()
    );
}
