package destruction

// Derived is data that was made from recordings, or that names one: each table
// of a place that holds any stands here with what ends it. A test walks all
// tables, so that a new one cannot be forgotten.
type Derived struct {
	Name   string
	Tables []string
	Goes   string // how it goes with its source, or until when it is kept
}
