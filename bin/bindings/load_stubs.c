/* Loads a dynamic library that was made for OCaml programs, without running
   anything of it but one function, which uses nothing of OCaml's. */

#include <dlfcn.h>
#include <stdlib.h>

#include <caml/alloc.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>

value lwt_rust_bindings_load(value path, value symbol)
{
  CAMLparam2(path, symbol);
  CAMLlocal1(text);
  char *(*describe)(void);
  char *description;
  /* Functions of OCaml's runtime that this program does not have are looked up
     when they are called, and they are not. */
  void *library = dlopen(String_val(path), RTLD_LAZY | RTLD_LOCAL);
  if (library == NULL) caml_failwith(dlerror());
  describe = (char *(*)(void))dlsym(library, String_val(symbol));
  if (describe == NULL) caml_raise_not_found();
  description = describe();
  text = caml_copy_string(description);
  /* Neither the library nor its text is given back: the program ends soon. */
  CAMLreturn(text);
}
