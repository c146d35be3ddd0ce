// Package systemd holds the units of the server and of the collector. Packages
// install them, and `ringfence collect install` writes the collector's where
// there is no package: one text for both.
package systemd

import _ "embed"

// Server is the unit of `ringfence serve`.
//
//go:embed ringfence.service
var Server string

// Collector is the unit of the collector beside a telephone system.
//
//go:embed ringfence-collector.service
var Collector string
