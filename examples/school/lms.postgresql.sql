-- What a learning management system keeps of people and classes, in PostgreSQL.
CREATE TABLE users (
    idnumber varchar(40) PRIMARY KEY,
    username varchar(60) NOT NULL UNIQUE,
    firstname varchar(100) NOT NULL,
    lastname varchar(100) NOT NULL,
    email varchar(120) NOT NULL UNIQUE,
    role varchar(20) NOT NULL,
    suspended boolean NOT NULL DEFAULT false,
    last_login timestamptz
);
CREATE TABLE cohorts (idnumber varchar(40) PRIMARY KEY, name varchar(120) NOT NULL);
CREATE TABLE cohort_members (
    cohort varchar(40) NOT NULL REFERENCES cohorts ON UPDATE CASCADE,
    member varchar(40) NOT NULL REFERENCES users ON UPDATE CASCADE,
    PRIMARY KEY (cohort, member)
);
CREATE TABLE courses (shortname varchar(40) PRIMARY KEY, fullname varchar(120) NOT NULL);
CREATE TABLE course_groups (
    name varchar(40) PRIMARY KEY,
    course varchar(40) NOT NULL REFERENCES courses ON UPDATE CASCADE
);
CREATE TABLE enrolments (
    class varchar(40) NOT NULL REFERENCES course_groups ON UPDATE CASCADE,
    member varchar(40) NOT NULL REFERENCES users ON UPDATE CASCADE,
    role varchar(20) NOT NULL,
    PRIMARY KEY (class, member)
);
INSERT INTO users (idnumber, username, firstname, lastname, email, role)
VALUES ('admin', 'admin', 'Ada', 'Admin', 'admin@school.example', 'admin');
