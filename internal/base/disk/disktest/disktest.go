// Package disktest gives tests a disk that is full after a few bytes. It is one
// in memory, for which Linux and root are needed: elsewhere there is none.
package disktest
