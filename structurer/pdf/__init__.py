"""PDF files: what PDFium draws and says of a page becomes a sheet. `file` is the door; `pdfium` and `calls` alone touch the library."""
