// Package house holds no code: its tests hold the code of all other packages to
// what docs/ARCHITECTURE.md, docs/glossary.md and docs/threats.md say of it.
package house
