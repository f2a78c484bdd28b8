/* What Cython has no words for: types that Python cannot make objects of, and attributes that depend on the value.
 *
 * Included by `_core.pyx` alone, after NumPy's headers.
 */
#ifndef MMAD_TYPES_H
#define MMAD_TYPES_H

static PyObject *mmad_not_by_hand(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void) args, (void) kwargs;
    PyErr_Format(PyExc_TypeError, "a %s cannot be made by hand: it is what a function that is differentiated is "
                 "called with, and computes", type->tp_name);
    return NULL;
}

static newfunc mmad_abstract_new;
static PyTypeObject *mmad_abstract;

static PyObject *mmad_not_this_one(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (type == mmad_abstract || PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE))
        return mmad_not_by_hand(type, args, kwargs);
    return mmad_abstract_new(type, args, kwargs);
}

static void mmad_seal(PyTypeObject *type)
{
    type->tp_new = mmad_not_by_hand, type->tp_vectorcall = NULL;
}

static void mmad_seal_abstract(PyTypeObject *type)
{
    mmad_abstract = type, mmad_abstract_new = type->tp_new;
    type->tp_new = mmad_not_this_one, type->tp_vectorcall = NULL;
}

/* Values of a type that stand for numbers have no __len__ and __iter__: by these, code tells numbers from arrays.  All such
 * types look for attributes in the one way that they inherit. */
static getattrofunc mmad_attribute;
static PyObject *mmad_len, *mmad_iter, *mmad_class;

static PyObject *mmad_attribute_of_number(PyObject *self, PyObject *name)
{
    if (name == mmad_len || name == mmad_iter) {
        PyObject *of = mmad_attribute(self, mmad_class);
        if (of == NULL)
            return NULL;
        const int number = of != (PyObject *) &PyArray_Type;
        if (number)
            PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", ((PyTypeObject *) of)->tp_name, name);
        Py_DECREF(of);
        if (number)
            return NULL;
    }
    return mmad_attribute(self, name);
}

/* Leave in-place operators to the ordinary ones: `x += y` binds x anew, as of a number.  A type without operators of its own
 * shares its base's table, and gets one. */
static int mmad_bind_anew(PyTypeObject *type)
{
    PyNumberMethods *m = PyMem_Malloc(sizeof *m);
    if (m == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *m = *type->tp_as_number;
    m->nb_inplace_add = m->nb_inplace_subtract = m->nb_inplace_multiply = m->nb_inplace_true_divide = NULL;
    m->nb_inplace_floor_divide = m->nb_inplace_remainder = m->nb_inplace_matrix_multiply = NULL;
    m->nb_inplace_and = m->nb_inplace_or = m->nb_inplace_xor = NULL;
    m->nb_inplace_power = NULL;
    type->tp_as_number = m;
    return 0;
}

static int mmad_count_as_number(PyTypeObject *type)
{
    if (mmad_attribute != NULL && type->tp_getattro != mmad_attribute) {
        PyErr_Format(PyExc_SystemError, "%s looks for attributes in another way", type->tp_name);
        return -1;
    }
    mmad_attribute = type->tp_getattro, type->tp_getattro = mmad_attribute_of_number;
    mmad_len = PyUnicode_InternFromString("__len__"), mmad_iter = PyUnicode_InternFromString("__iter__");
    mmad_class = PyUnicode_InternFromString("__class__");
    return mmad_len == NULL || mmad_iter == NULL || mmad_class == NULL ? -1 : 0;
}

#endif
